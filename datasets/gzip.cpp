#include <canopy/datasets/gzip.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>
#include <zlib.h>

namespace canopy::datasets {
namespace {

constexpr std::string_view gzip_magic = "\x1f\x8b";

class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream, 15 + 16) != Z_OK) throw std::bad_alloc();  // 16: a gzip header, its CRC-32 checked
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream stream{};
};

/// A file seen through a window of its next bytes.
class Window {
 public:
  explicit Window(const std::filesystem::path& path) : file_(path.string()), buffer_(1 << 18) {
    failing_as<DataError>(path, [&] { reader_ = std::make_unique<FileReader>(path); });
  }

  const std::string& file() const { return file_; }
  /// Bytes before the window, and in the file.
  std::uint64_t offset() const { return offset_; }
  std::uint64_t size() const { return reader_->size(); }
  std::string_view bytes() const { return {buffer_.data() + begin_, end_ - begin_}; }

  /// Makes the window hold at least `count` bytes, or all that are left.
  std::string_view require(std::size_t count) {
    if (bytes().size() < count && !at_end_) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      while (end_ < count && !at_end_) {
        const std::size_t got = read_file(buffer_.data() + end_, buffer_.size() - end_);
        end_ += got;
        at_end_ = got == 0;
      }
    }
    return bytes();
  }
  void consume(std::size_t count) {
    begin_ += count;
    offset_ += count;
  }

  /// Past the window's own bytes, straight into `out`.
  std::size_t read_through(char* out, std::size_t count) {
    if (!bytes().empty()) {
      const std::size_t held = std::min(count, bytes().size());
      std::memcpy(out, bytes().data(), held);
      consume(held);
      return held;
    }
    const std::size_t got = read_file(out, count);
    offset_ += got;
    return got;
  }

 private:
  std::size_t read_file(char* out, std::size_t count) {
    return failing_as<DataError>(file_, [&] { return reader_->read_some(out, count); });
  }

  std::string file_;
  std::vector<char> buffer_;
  std::unique_ptr<FileReader> reader_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  bool at_end_ = false;
};

}  // namespace

class PlainOrGzipReader::Source {
 public:
  explicit Source(const std::filesystem::path& path) : window_(path) {
    const std::string_view head = window_.require(gzip_magic.size());
    if (head.starts_with(gzip_magic)) {
      inflater_ = std::make_unique<Inflater>();
    } else if (path.extension() == ".gz") {
      throw DataError(fmt::format("{}: at byte 0: expected the bytes 1f 8b of a gzip file, found {}", window_.file(),
                                  head.empty() ? "an empty file" : "others"));
    }
  }

  /// Bytes of the content that are sure to come: those of a plain file.
  std::size_t known_size() const { return inflater_ ? 0 : static_cast<std::size_t>(window_.size()); }

  std::size_t read_some(char* out, std::size_t count) {
    if (!inflater_) return window_.read_through(out, count);
    std::size_t produced = 0;
    while (produced == 0 && !finished_ && count > 0) produced = inflate_some(out, count);
    return produced;
  }

 private:
  std::size_t inflate_some(char* out, std::size_t count) {
    constexpr std::size_t most = 1 << 30;  // zlib counts in 32 bits
    const std::string_view bytes = window_.require(1);
    z_stream& stream = inflater_->stream;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out);
    stream.avail_out = static_cast<uInt>(std::min(count, most));
    const uInt room = stream.avail_out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    window_.consume(bytes.size() - stream.avail_in);
    const std::size_t produced = room - stream.avail_out;
    if (status == Z_STREAM_END) {
      end_member();
    } else if (status == Z_BUF_ERROR && bytes.empty()) {
      throw DataError(fmt::format("{}: at byte {}: expected more compressed data, found the end: the file is truncated",
                                  window_.file(), window_.offset()));
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw DataError(fmt::format("{}: near byte {}: expected gzip data, found a damaged file ({})", window_.file(),
                                  window_.offset(), stream.msg ? stream.msg : zError(status)));
    }
    return produced;
  }

  /// A gzip file may have several members, and zeros at its end.
  void end_member() {
    if (window_.require(gzip_magic.size()).starts_with(gzip_magic)) {
      inflateReset(&inflater_->stream);
      return;
    }
    const std::uint64_t end = window_.offset();
    finished_ = true;
    while (!window_.require(1).empty()) {
      if (window_.bytes().find_first_not_of('\0') != std::string_view::npos) {
        throw DataError(fmt::format("{}: at byte {}: expected the end of the gzip file, found {} more bytes",
                                    window_.file(), end, window_.size() - end));
      }
      window_.consume(window_.bytes().size());
    }
  }

  Window window_;
  std::unique_ptr<Inflater> inflater_;  // null for a plain file
  bool finished_ = false;
};

PlainOrGzipReader::PlainOrGzipReader(const std::filesystem::path& path) : source_(std::make_unique<Source>(path)) {}
PlainOrGzipReader::~PlainOrGzipReader() = default;
PlainOrGzipReader::PlainOrGzipReader(PlainOrGzipReader&&) noexcept = default;
PlainOrGzipReader& PlainOrGzipReader::operator=(PlainOrGzipReader&&) noexcept = default;

std::size_t PlainOrGzipReader::read_some(char* out, std::size_t count) { return source_->read_some(out, count); }

std::string PlainOrGzipReader::read_rest() {
  constexpr std::size_t least = 1 << 16;
  std::string content;
  std::size_t used = 0;
  for (;;) {
    // One byte more than a plain file's size finds its end. What is compressed doubles the room as it comes.
    if (used == content.size()) content.resize(std::max({least, source_->known_size() + 1, 2 * used}));
    const std::size_t got = read_some(content.data() + used, content.size() - used);
    if (got == 0) break;
    used += got;
  }
  content.resize(used);
  return content;
}

std::string read_plain_or_gzip(const std::filesystem::path& path) {
  return failing_as<DataError>(path, [&] { return PlainOrGzipReader(path).read_rest(); });
}

}  // namespace canopy::datasets
