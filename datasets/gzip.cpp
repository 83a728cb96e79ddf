#include <canopy/datasets/gzip.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>
#include <zlib.h>

namespace canopy::datasets {
namespace {

constexpr std::string_view gzip_magic = "\x1f\x8b";
constexpr std::size_t trailer_bytes = 8;  // CRC-32 and size

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

// The size that the trailer announces: only a hint, as it may lie; deflate never exceeds a factor of 1032.
std::size_t expected_size(const std::string& compressed) {
  std::uint32_t announced = 0;
  if (compressed.size() < trailer_bytes) return 0;
  std::memcpy(&announced, compressed.data() + compressed.size() - 4, 4);
  return std::min<std::size_t>(announced, 1032 * compressed.size());
}

std::string gunzip(const std::string& compressed, const std::string& file) {
  Inflater inflater;
  z_stream& stream = inflater.stream;
  std::string content(expected_size(compressed) + 1, '\0');
  std::size_t consumed = 0;
  std::size_t produced = 0;
  for (;;) {
    if (produced == content.size()) content.resize(2 * content.size() + (1 << 16));
    constexpr std::size_t most = 1 << 30;  // zlib counts in 32 bits
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data() + consumed));
    stream.avail_in = static_cast<uInt>(std::min(most, compressed.size() - consumed));
    stream.next_out = reinterpret_cast<Bytef*>(content.data() + produced);
    stream.avail_out = static_cast<uInt>(std::min(most, content.size() - produced));
    const uInt in = stream.avail_in;
    const uInt out = stream.avail_out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    consumed += in - stream.avail_in;
    produced += out - stream.avail_out;
    if (status == Z_STREAM_END) {
      const std::string_view rest = std::string_view(compressed).substr(consumed);
      if (rest.find_first_not_of('\0') == rest.npos) break;  // padding is allowed
      if (!rest.starts_with(gzip_magic)) {
        throw DataError(fmt::format("{}: at byte {}: expected the end of the gzip file, found {} more bytes", file,
                                    consumed, rest.size()));
      }
      inflateReset(&stream);  // a gzip file may have several members
    } else if (status == Z_BUF_ERROR && consumed == compressed.size()) {
      throw DataError(fmt::format("{}: at byte {}: expected more compressed data, found the end: the file is truncated",
                                  file, consumed));
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw DataError(fmt::format("{}: near byte {}: expected gzip data, found a damaged file ({})", file, consumed,
                                  stream.msg ? stream.msg : zError(status)));
    }
  }
  content.resize(produced);
  return content;
}

}  // namespace

std::string read_plain_or_gzip(const std::filesystem::path& path) {
  const std::string file = path.string();
  std::string content;
  try {
    content = read_file(path);
  } catch (const DataError&) {
    throw;
  } catch (const Error& error) {
    throw DataError(error.what());
  }
  if (content.starts_with(gzip_magic)) return gunzip(content, file);
  if (path.extension() == ".gz") {
    throw DataError(fmt::format("{}: at byte 0: expected the bytes 1f 8b of a gzip file, found {}", file,
                                content.empty() ? "an empty file" : "others"));
  }
  return content;
}

}  // namespace canopy::datasets
