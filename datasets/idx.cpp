#include <canopy/datasets/idx.hpp>

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

// Of the content or its beginning.
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

}  // namespace

Shape read_idx_shape(const std::filesystem::path& path, int rank) {
  PlainOrGzipReader reader(path);
  std::string head(static_cast<std::size_t>(idx_header_bytes(rank)), '\0');
  std::size_t filled = 0;
  while (filled < head.size()) {
    const std::size_t got = reader.read_some(head.data() + filled, head.size() - filled);
    if (got == 0) break;
    filled += got;
  }
  head.resize(filled);
  return parse_header(head, path.string(), rank);
}

Bytes read_idx(const std::filesystem::path& path, int rank) {
  const std::string file = path.string();
  const std::string content = read_plain_or_gzip(path);
  const Shape shape = parse_header(content, file, rank);
  const auto header_bytes = static_cast<std::size_t>(idx_header_bytes(rank));
  const auto found = static_cast<std::int64_t>(content.size() - header_bytes);
  if (found != shape.size()) {
    throw DataError(fmt::format(
        "{}: at byte {}: expected {} bytes for the extents {}, found {}: the file is {}", file,
        found < shape.size() ? static_cast<std::int64_t>(content.size()) : idx_header_bytes(rank) + shape.size(),
        shape.size(), shape.to_string(), found, found < shape.size() ? "truncated" : "too long"));
  }
  const auto* elements = reinterpret_cast<const std::uint8_t*>(content.data() + header_bytes);
  return Bytes(shape, std::span(elements, static_cast<std::size_t>(found)));
}

}  // namespace canopy::datasets
