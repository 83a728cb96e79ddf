// A web server with one file, in a thread of its own, that may misbehave on purpose.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <boost/asio.hpp>

namespace canopy::test {

class HttpServer {
 public:
  struct Behaviour {
    bool ranges = true;                         ///< continues where it is asked to
    std::optional<std::size_t> cut_after = {};  ///< closes the connection after these bytes of the first answer
    int status = 200;
    bool endless = false;    ///< sends the content again and again
    bool redirects = false;  ///< to itself
    bool trickles = false;   ///< a byte at a time, for ever
    int claims_more = 0;     ///< bytes in Content-Length that never come
  };

  HttpServer(std::string content, Behaviour behaviour)
      : content_(std::move(content)),
        behaviour_(behaviour),
        acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}),
        thread_([this] { serve(); }) {}
  ~HttpServer() {
    stop_ = true;
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket(context_).connect(acceptor_.local_endpoint(), ignored);  // wakes the thread
    thread_.join();
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string address() const { return fmt::format("http://127.0.0.1:{}", acceptor_.local_endpoint().port()); }
  /// Where each request asked to begin.
  std::vector<std::size_t> begins() const {
    const std::lock_guard lock(mutex_);
    return begins_;
  }

 private:
  using Socket = boost::asio::ip::tcp::socket;

  void serve() {
    for (;;) {
      Socket socket(context_);
      acceptor_.accept(socket);
      if (stop_) return;
      boost::system::error_code ignored;  // a client that stops closes its end
      answer(socket, ignored);
    }
  }

  void answer(Socket& socket, boost::system::error_code& error) {
    std::string request;
    boost::asio::read_until(socket, boost::asio::dynamic_buffer(request), "\r\n\r\n", error);
    const std::size_t begin = begin_of(request);
    const bool first = note(begin);
    if (behaviour_.endless) return send_for_ever(socket, error);
    if (behaviour_.trickles) return trickle(socket, error);
    if (behaviour_.redirects) return send(socket, 302, fmt::format("Location: {}/again\r\n", address()), 0, error);
    if (behaviour_.status != 200) return send(socket, behaviour_.status, "", 0, error);
    if (begin == 0 || !behaviour_.ranges) {
      const std::size_t cut = first && behaviour_.cut_after ? *behaviour_.cut_after : content_.size();
      return send(socket, 200, "", 0, error, cut);
    }
    if (begin >= content_.size()) return send(socket, 416, "", content_.size(), error);
    const std::string range =
        fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, content_.size() - 1, content_.size());
    send(socket, 206, range, begin, error);
  }

  void send(Socket& socket, int status, const std::string& header, std::size_t begin, boost::system::error_code& error,
            std::size_t most = std::string::npos) const {
    const std::string body = status < 300 ? content_.substr(begin) : "";
    const std::string head =
        fmt::format("HTTP/1.1 {} Status\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n", status,
                    body.size() + static_cast<std::size_t>(behaviour_.claims_more), header);
    boost::asio::write(socket, boost::asio::buffer(head + body.substr(0, most)), error);
    socket.shutdown(Socket::shutdown_both, error);
  }

  void send_for_ever(Socket& socket, boost::system::error_code& error) const {
    boost::asio::write(socket, boost::asio::buffer(std::string("HTTP/1.1 200 Status\r\nConnection: close\r\n\r\n")),
                       error);
    while (!error && !stop_) boost::asio::write(socket, boost::asio::buffer(content_), error);
  }

  void trickle(Socket& socket, boost::system::error_code& error) const {
    boost::asio::write(socket, boost::asio::buffer(std::string("HTTP/1.1 200 Status\r\nConnection: close\r\n\r\n")),
                       error);
    while (!error && !stop_) {
      boost::asio::write(socket, boost::asio::buffer("x", 1), error);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  static std::size_t begin_of(const std::string& request) {
    const std::string words = "Range: bytes=";
    const std::size_t at = request.find(words);
    return at == std::string::npos ? 0 : std::stoul(request.substr(at + words.size()));
  }

  bool note(std::size_t begin) {
    const std::lock_guard lock(mutex_);
    begins_.push_back(begin);
    return begins_.size() == 1;
  }

  std::string content_;
  Behaviour behaviour_;
  std::atomic<bool> stop_ = false;
  mutable std::mutex mutex_;
  std::vector<std::size_t> begins_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::thread thread_;
};

}  // namespace canopy::test
