#include <canopy/core/safetensors.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/safetensors_header.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy {

using namespace safetensors;

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::uint64_t header_limit = 100'000'000;  // as in the reference implementation

struct Half {
  std::uint16_t bits;
  // Sign, 5 bits of exponent (bias 15), 10 of mantissa.
  explicit operator float() const {
    const int exponent = (bits >> 10) & 31;
    const int mantissa = bits & 1023;
    float magnitude =
        std::ldexp(static_cast<float>(exponent == 0 ? mantissa : mantissa + 1024), (exponent == 0 ? 1 : exponent) - 25);
    if (exponent == 31) {
      magnitude = mantissa ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
    }
    return bits >> 15 ? -magnitude : magnitude;
  }
};

struct BrainFloat {
  std::uint16_t bits;  // the upper half of a float
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

// Whether a value is one of To's, infinities and NaN included for floats.
template <class To, class From>
bool representable(From value) {
  if constexpr (std::is_same_v<From, double>) {
    return !std::isfinite(value) || std::isfinite(static_cast<To>(value));
  } else if constexpr (std::is_integral_v<From>) {
    return std::in_range<To>(value);
  } else {
    return true;
  }
}

template <class From, class To>
void read_converted(FileReader& reader, Array<To>& out) {
  if (out.empty()) return;
  To* to = out.mutable_data();
  if constexpr (std::is_same_v<From, To>) {
    reader.read(to, static_cast<std::size_t>(out.size()) * sizeof(To));
  } else {
    constexpr std::int64_t block = 1 << 14;
    std::vector<From> from(static_cast<std::size_t>(std::min(block, out.size())));
    for (std::int64_t begin = 0; begin < out.size(); begin += block) {
      const std::int64_t count = std::min(block, out.size() - begin);
      reader.read(from.data(), static_cast<std::size_t>(count) * sizeof(From));
      for (std::int64_t i = 0; i < count; ++i) {
        const From value = from[static_cast<std::size_t>(i)];
        if (!representable<To>(value)) {
          throw CheckpointError(fmt::format("element {} does not fit {} bits", begin + i, 8 * sizeof(To)));
        }
        to[begin + i] = static_cast<To>(value);
      }
    }
  }
}

void read_entry(FileReader& reader, const Entry& entry, Safetensors& content) {
  const auto floats = [&]<class From>(std::type_identity<From>) {
    read_converted<From>(reader, content.tensors.emplace(entry.name, Tensor(*entry.shape)).first->second);
  };
  const auto integers = [&]<class From>(std::type_identity<From>) {
    read_converted<From>(reader, content.indices.emplace(entry.name, Indices(*entry.shape)).first->second);
  };
  switch (entry.type->type) {
    case Type::f64:
      return floats(std::type_identity<double>());
    case Type::f32:
      return floats(std::type_identity<float>());
    case Type::f16:
      return floats(std::type_identity<Half>());
    case Type::bf16:
      return floats(std::type_identity<BrainFloat>());
    case Type::i64:
      return integers(std::type_identity<std::int64_t>());
    case Type::i32:
      return integers(std::type_identity<std::int32_t>());
    case Type::i16:
      return integers(std::type_identity<std::int16_t>());
    case Type::i8:
      return integers(std::type_identity<std::int8_t>());
    case Type::u64:
      return integers(std::type_identity<std::uint64_t>());
    case Type::u32:
      return integers(std::type_identity<std::uint32_t>());
    case Type::u16:
      return integers(std::type_identity<std::uint16_t>());
    case Type::u8:
    case Type::boolean:
      return integers(std::type_identity<std::uint8_t>());
  }
}

std::string read_header(FileReader& reader, const std::string& file) {
  if (reader.size() < length_bytes) {
    throw CheckpointError(fmt::format("{}: at byte 0: expected the {} bytes of the header's length, found a file of {}",
                                      file, length_bytes, reader.size()));
  }
  std::uint64_t length = 0;
  reader.read(&length, length_bytes);
  const std::uint64_t limit = std::min(header_limit, reader.size() - length_bytes);
  if (length > limit) {
    throw CheckpointError(
        fmt::format("{}: at byte 0: expected a header of at most {} bytes, found the length {}", file, limit, length));
  }
  std::string text(static_cast<std::size_t>(length), '\0');
  reader.read(text.data(), text.size());
  if (!text.starts_with('{')) {
    throw CheckpointError(fmt::format(
        "{}: at byte {}: expected the header to begin with '{{', found {}", file, length_bytes,
        text.empty() ? "no header" : fmt::format("the byte 0x{:02x}", static_cast<unsigned char>(text[0]))));
  }
  return text;
}

struct Item {
  const char* dtype;
  const Shape* shape;
  const void* data;
  std::uint64_t bytes;
};

// The text of the header, padded so that the data begin at a multiple of 8 bytes.
std::string header_text(const Safetensors& content, const std::map<std::string, Item>& items) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header[metadata_key] = content.metadata;
  std::uint64_t position = 0;
  for (const auto& [name, item] : items) {
    header[name] = {{"dtype", item.dtype},
                    {"shape", std::vector<std::int64_t>(item.shape->begin(), item.shape->end())},
                    {"data_offsets", {position, position + item.bytes}}};
    position += item.bytes;
  }
  std::string text = header.dump();
  text.resize((text.size() + length_bytes - 1) / length_bytes * length_bytes, ' ');
  return text;
}

template <class T>
void append_items(const std::string& file, const std::map<std::string, Array<T>>& arrays, const char* dtype,
                  std::map<std::string, Item>& items) {
  for (const auto& [name, array] : arrays) {
    const Item item{dtype, &array.shape(), array.data(), static_cast<std::uint64_t>(array.size()) * sizeof(T)};
    if (name == metadata_key || !items.emplace(name, item).second) {
      throw CheckpointError(fmt::format("{}: cannot write two entries with the name \"{}\"", file, name));
    }
  }
}

}  // namespace

Safetensors read_safetensors(const std::filesystem::path& path) {
  const std::string file = path.string();
  Safetensors content;
  try {
    FileReader reader(path);
    const std::string text = read_header(reader, file);
    Header header = parse_header(file, text);
    const std::uint64_t data_offset = length_bytes + text.size();
    check_layout(file, header.entries, data_offset, reader.size() - data_offset);
    content.metadata = std::move(header.metadata);
    for (const Entry& entry : header.entries) {
      try {
        read_entry(reader, entry, content);
      } catch (const CheckpointError& error) {
        throw CheckpointError(
            fmt::format("{}: tensor \"{}\" ({}): {}", file, entry.name, entry.type->name, error.what()));
      }
    }
  } catch (const CheckpointError&) {
    throw;
  } catch (const Error& error) {
    throw CheckpointError(error.what());
  }
  return content;
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  const std::string file = path.string();
  std::map<std::string, Item> items;
  append_items(file, content.tensors, "F32", items);
  append_items(file, content.indices, "I32", items);
  std::string header;
  try {
    header = header_text(content, items);
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(fmt::format("{}: a name or a metadata text is not UTF-8 ({})", file, error.what()));
  }
  const std::uint64_t length = header.size();
  if (length > header_limit) {
    throw CheckpointError(fmt::format("{}: the header would have {} bytes, more than {}", file, length, header_limit));
  }
  FileWriter writer(path);
  writer.write(&length, length_bytes);
  writer.write(header);
  for (const auto& [name, item] : items) writer.write(item.data, static_cast<std::size_t>(item.bytes));
  writer.commit();
}

}  // namespace canopy
