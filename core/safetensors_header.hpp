// The header of a safetensors file: untrusted text that says where tensors lie. Internal to core/safetensors*.cpp.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <canopy/core/shape.hpp>

namespace canopy::safetensors {

inline constexpr std::uint64_t length_bytes = 8;  // of the number that the file begins with, the header's length
inline constexpr std::uint64_t header_limit = 100'000'000;  // bytes, as in the reference implementation
inline constexpr const char* metadata_key = "__metadata__";

enum class Type { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

struct TypeInfo {
  const char* name;
  Type type;
  std::int64_t bytes;
};

struct Entry {
  std::string name;
  const TypeInfo* type = nullptr;
  std::optional<Shape> shape;
  std::uint64_t begin = 0;  // of the data that follow the header
  std::uint64_t end = 0;
};

struct Header {
  std::map<std::string, std::string> metadata;
  std::vector<Entry> entries;
};

/// The header in `text`. Throws CheckpointError, naming `file` and offset, for anything but
/// {"name": {"dtype": text, "shape": [...], "data_offsets": [begin, end]}, "__metadata__": {text: text}}.
Header parse_header(const std::string& file, const std::string& text);

/// Checks that each entry has the bytes of its shape and that together they fill the `data_size` bytes behind
/// `data_offset` without hole or overlap; sorts them by place. Throws CheckpointError.
void check_layout(const std::string& file, std::vector<Entry>& entries, std::uint64_t data_offset,
                  std::uint64_t data_size);

}  // namespace canopy::safetensors
