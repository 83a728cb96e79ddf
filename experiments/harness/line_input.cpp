#include <canopy/experiments/harness/line_input.hpp>

#include <cerrno>
#include <cstring>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <unistd.h>

namespace canopy::harness {

bool LineInput::read_more() {
  constexpr std::size_t piece = 1 << 16;
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + piece);
  ssize_t got = -1;
  do {
    got = ::read(STDIN_FILENO, buffer_.data() + before, piece);
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw Error(fmt::format("standard input: {}", std::strerror(errno)));
  buffer_.resize(before + static_cast<std::size_t>(got));
  return got > 0;
}

bool LineInput::is_ready() const { return buffer_.find('\n', at_) != std::string::npos; }

bool LineInput::next(std::string& line) {
  std::size_t searched = at_;
  std::size_t end = std::string::npos;
  while ((end = buffer_.find('\n', searched)) == std::string::npos && !ended_) {
    searched = buffer_.size() - at_;  // from where the line begins, which then is the buffer's beginning
    ended_ = !read_more();
  }
  if (end == std::string::npos && at_ == buffer_.size()) return false;
  line.assign(buffer_, at_, end - at_);
  at_ = end == std::string::npos ? buffer_.size() : end + 1;
  if (line.ends_with('\r')) line.pop_back();
  ++number_;
  return true;
}

}  // namespace canopy::harness
