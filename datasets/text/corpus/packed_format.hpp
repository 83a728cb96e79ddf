// What stands in a file of packed text. Internal to packed_text.cpp and packing.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <canopy/core/file.hpp>
#include <canopy/datasets/digest.hpp>
#include <canopy/datasets/text/vocabulary.hpp>

namespace canopy::datasets::packed {

using Metadata = std::map<std::string, std::string>;

inline constexpr const char* format_name = "canopy packed text";
inline constexpr const char* format_version = "1";
inline constexpr const char* training_name = "training";
inline constexpr const char* held_out_name = "held_out";
inline constexpr const char* digest_key = "sha256";

/// Bytes of an id, and what safetensors calls them.
struct IdFormat {
  std::int64_t bytes;
  const char* dtype;
};
inline IdFormat id_format(std::int64_t vocabulary_size) {
  return vocabulary_size <= 1 << 16 ? IdFormat{2, "U16"} : IdFormat{4, "I32"};
}

/// What a sequence takes in the file.
struct RowFormat {
  std::int64_t length;  ///< in ids
  IdFormat id;

  std::int64_t bytes() const { return length * id.bytes; }
};

/// What stands before the ids, those for training first: the header of a safetensors file, padded so that the ids begin
/// at a multiple of 8 bytes.
std::string header_of(const Metadata& metadata, const RowFormat& row, std::int64_t training, std::int64_t held_out);

/// The SHA-256 of the tokens, each with a line feed behind it, whatever file they came from.
std::string vocabulary_digest(const Vocabulary& vocabulary);

/// Calls `take(bytes, count)` for some bytes of a file, block by block: no more than a block is in memory.
using TakeBlock = std::function<void(const char* bytes, std::size_t count)>;
void for_each_block(const MappedFile& file, std::uint64_t begin, std::uint64_t size, const TakeBlock& take);

/// Begins the SHA-256 of everything but itself, which goes on with the ids: names and texts of the metadata, a zero
/// byte behind each.
void add(const Metadata& metadata, Digest& digest);

}  // namespace canopy::datasets::packed
