#include <canopy/datasets/mat_sums.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>
#include <zlib.h>

namespace canopy::datasets {
namespace {

// MATLAB's "MAT-File Format", version 5: a header of text, its last 4 bytes the version and "MI" as a number of 16 bits
// in the writer's order of bytes; then elements, each a type and a size of 32 bits before its bytes.
constexpr std::size_t header_bytes = 128;
constexpr std::uint16_t version_5 = 0x0100;
constexpr std::uint16_t endian_mark = 0x4d49;
constexpr std::uint32_t matrix_type = 14;
constexpr std::uint32_t compressed_type = 15;

std::uint16_t swapped(std::uint16_t value) { return static_cast<std::uint16_t>(value << 8 | value >> 8); }
std::uint32_t swapped(std::uint32_t value) {
  return std::uint32_t{swapped(static_cast<std::uint16_t>(value))} << 16 |
         swapped(static_cast<std::uint16_t>(value >> 16));
}

class Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream_) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool at_end() const { return at_end_; }
  std::uint64_t produced() const { return stream_.total_out; }
  /// What is wrong with these bytes after the earlier ones; empty if nothing.
  std::string check(std::vector<unsigned char>& bytes, std::size_t count) {
    stream_.next_in = bytes.data();
    stream_.avail_in = static_cast<uInt>(count);
    while (!at_end_) {
      stream_.next_out = scratch_.data();
      stream_.avail_out = static_cast<uInt>(scratch_.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      at_end_ = status == Z_STREAM_END;
      if (status == Z_BUF_ERROR || (status == Z_OK && stream_.avail_in == 0 && stream_.avail_out > 0)) break;
      if (status != Z_OK && status != Z_STREAM_END) return stream_.msg ? stream_.msg : zError(status);
    }
    return {};
  }

 private:
  z_stream stream_{};
  std::vector<unsigned char> scratch_ = std::vector<unsigned char>(1 << 18);
  bool at_end_ = false;
};

class MatChecker {
 public:
  explicit MatChecker(const std::filesystem::path& path) : file_(path.string()), reader_(path) {}

  std::uint64_t run() {
    check();
    return reader_.size() + inflated_;
  }

 private:
  void check() {
    std::array<char, header_bytes> header{};
    if (read(header.data(), header.size()) < header.size()) return;  // too short for any version
    std::uint16_t version = 0, mark = 0;
    std::memcpy(&version, header.data() + header_bytes - 4, 2);
    std::memcpy(&mark, header.data() + header_bytes - 2, 2);
    const bool swap = mark == swapped(endian_mark);
    if ((swap ? swapped(version) : version) != version_5 || (!swap && mark != endian_mark)) return;
    for (std::array<std::uint32_t, 2> tag{}; read(tag.data(), sizeof tag) == sizeof tag;) {
      const auto [type, size] = swap ? std::array{swapped(tag[0]), swapped(tag[1])} : tag;
      if (type == compressed_type) {
        check_element(size);
      } else if (type == matrix_type) {
        skip((std::uint64_t{size} + 7) / 8 * 8);  // the next begins at a multiple of 8
      } else {
        fail(offset_ - sizeof tag, fmt::format("an element of type {}", type));
      }
    }
  }

  std::size_t read(void* out, std::size_t count) {
    const std::size_t got = reader_.read_some(out, count);
    offset_ += got;
    return got;
  }

  void skip(std::uint64_t count) {
    while (count > 0) {
      const std::size_t got = read(buffer_.data(), std::min<std::uint64_t>(count, buffer_.size()));
      if (got == 0) return;
      count -= got;
    }
  }

  void check_element(std::uint64_t size) {
    const std::uint64_t begin = offset_;
    Inflater inflater;
    std::string problem;
    while (size > 0 && problem.empty()) {
      const std::size_t got = read(buffer_.data(), std::min<std::uint64_t>(size, buffer_.size()));
      if (got == 0) break;
      problem = inflater.check(buffer_, got);
      size -= got;
    }
    inflated_ += inflater.produced();
    if (problem.empty() && !inflater.at_end()) problem = "it is truncated";
    if (!problem.empty()) {
      fail(begin, fmt::format("a damaged one ({})", problem));
    }
  }

  [[noreturn]] void fail(std::uint64_t offset, const std::string& found) const {
    throw DataError(fmt::format("{}: at byte {}: expected a variable, found {}", file_, offset, found));
  }

  std::string file_;
  FileReader reader_;
  std::uint64_t offset_ = 0;
  std::uint64_t inflated_ = 0;
  std::vector<unsigned char> buffer_ = std::vector<unsigned char>(1 << 18);
};

}  // namespace

std::uint64_t check_mat_sums(const std::filesystem::path& path) { return MatChecker(path).run(); }

}  // namespace canopy::datasets
