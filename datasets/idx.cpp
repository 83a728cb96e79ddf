#include <canopy/datasets/idx.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/datasets/gzip.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

std::uint32_t big_endian(const std::string& content, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(content[offset + i]);
  return value;
}

Shape parse_header(const std::string& content, const std::string& file, int rank) {
  const auto header_bytes = static_cast<std::size_t>(idx_header_bytes(rank));
  if (content.size() < 4) {
    throw DataError(fmt::format("{}: at byte 0: expected a magic number of 4 bytes, found {}", file, content.size()));
  }
  constexpr std::uint32_t unsigned_bytes = 0x08;
  const std::uint32_t magic = unsigned_bytes << 8 | static_cast<std::uint32_t>(rank);
  if (big_endian(content, 0) != magic) {
    throw DataError(
        fmt::format("{}: at byte 0: expected the magic number {:#010x} (unsigned bytes, {} {}), found "
                    "{:#010x}",
                    file, magic, rank, rank == 1 ? "axis" : "axes", big_endian(content, 0)));
  }
  if (content.size() < header_bytes) {
    throw DataError(fmt::format("{}: at byte 4: expected {} extents in a header of {} bytes, found {} bytes", file,
                                rank, header_bytes, content.size()));
  }
  std::vector<std::int64_t> extents;
  for (std::size_t offset = 4; offset < header_bytes; offset += 4) extents.push_back(big_endian(content, offset));
  try {
    return Shape(extents);
  } catch (const ShapeError& error) {
    throw DataError(fmt::format("{}: at byte 4: {}", file, error.what()));
  }
}

// The next bytes, at most `count`; room is taken as they come, for an extent is only what a file says.
std::string read_at_most(PlainOrGzipReader& reader, std::uint64_t count) {
  constexpr std::uint64_t least = 1 << 16;
  std::string bytes;
  for (std::size_t filled = 0; filled < count; bytes.resize(filled)) {
    bytes.resize(static_cast<std::size_t>(std::min(count, std::max(least, std::uint64_t{2} * filled))));
    const std::size_t got = reader.read_some(bytes.data() + filled, bytes.size() - filled);
    filled += got;
    if (got == 0) count = filled;
  }
  return bytes;
}

Shape read_header(PlainOrGzipReader& reader, const std::string& file, int rank) {
  return parse_header(read_at_most(reader, static_cast<std::uint64_t>(idx_header_bytes(rank))), file, rank);
}

}  // namespace

Shape read_idx_shape(const std::filesystem::path& path, int rank) {
  PlainOrGzipReader reader(path);
  return read_header(reader, path.string(), rank);
}

Bytes read_idx(const std::filesystem::path& path, int rank) {
  const std::string file = path.string();
  PlainOrGzipReader reader(path);
  const Shape shape = read_header(reader, file, rank);
  const std::string content = read_at_most(reader, static_cast<std::uint64_t>(shape.size()));
  auto found = static_cast<std::int64_t>(content.size());
  if (found == shape.size()) {  // what comes behind is counted and not kept
    std::string rest(1 << 16, '\0');
    while (const std::size_t got = reader.read_some(rest.data(), rest.size())) found += static_cast<std::int64_t>(got);
  }
  if (found != shape.size()) {
    throw DataError(fmt::format("{}: at byte {}: expected {} bytes for the extents {}, found {}: the file is {}", file,
                                idx_header_bytes(rank) + std::min(found, shape.size()), shape.size(), shape.to_string(),
                                found, found < shape.size() ? "truncated" : "too long"));
  }
  return Bytes(shape, std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size()));
}

}  // namespace canopy::datasets
