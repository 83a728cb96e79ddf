#include <canopy/core/safetensors.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t header_limit = 100'000'000;  // as in the reference implementation
constexpr const char* metadata_key = "__metadata__";

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

enum class Type { f64, f32, f16, bf16, i64, i32, i16, i8, u64, u32, u16, u8, boolean };

struct TypeInfo {
  const char* name;
  Type type;
  std::int64_t bytes;
};
constexpr TypeInfo types[] = {{"F32", Type::f32, 4},     {"F64", Type::f64, 8}, {"F16", Type::f16, 2},
                              {"BF16", Type::bf16, 2},   {"I64", Type::i64, 8}, {"I32", Type::i32, 4},
                              {"I16", Type::i16, 2},     {"I8", Type::i8, 1},   {"U64", Type::u64, 8},
                              {"U32", Type::u32, 4},     {"U16", Type::u16, 2}, {"U8", Type::u8, 1},
                              {"BOOL", Type::boolean, 1}};

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

// Lets the parser's reader tell how far it came.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, const char** furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  Cursor& operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  Cursor operator++(int) {
    const Cursor before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }
  bool operator!=(const Cursor& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** furthest_;
};

// Accepts exactly {"name": {"dtype": text, "shape": [...], "data_offsets": [begin, end]}, "__metadata__": {text: text}}
// as events, so that neither depth nor size of what a header pretends to hold costs memory or stack.
class HeaderParser : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderParser(const std::string& file, std::string_view text) : file_(file), text_(text), furthest_(text.data()) {}

  Header parse() {
    // To the parser a zero byte is the end of the text.
    if (const auto zero = text_.find('\0'); zero != text_.npos) {
      furthest_ = text_.data() + zero;
      fail("a zero byte");
    }
    const Cursor begin(text_.data(), &furthest_);
    const Cursor end(text_.data() + text_.size(), &furthest_);
    nlohmann::json::sax_parse(begin, end, this);
    return std::move(header_);
  }

  bool null() override { fail("null"); }
  bool boolean(bool) override { fail("a boolean"); }
  bool number_float(number_float_t, const string_t& text) override { fail(fmt::format("the number {}", text)); }
  bool number_integer(number_integer_t value) override { fail(fmt::format("the number {}", value)); }
  bool binary(binary_t&) override { fail("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::numbers) fail(fmt::format("the number {}", value));
    if (numbers_.size() == Shape::max_rank) fail(fmt::format("more than {} numbers", Shape::max_rank));
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      fail(fmt::format("the number {}, which is too large", value));
    }
    numbers_.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      header_.metadata.emplace(key_, std::move(value));
    } else if (place_ == Place::entry && key_ == "dtype") {
      const auto* found = std::ranges::find(types, value, &TypeInfo::name);
      if (found == std::end(types)) fail(fmt::format("the unknown dtype \"{}\"", shorten(value)));
      entry_.type = found;
    } else {
      fail(fmt::format("the text \"{}\"", shorten(value)));
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::top;
    } else if (place_ == Place::top && key_ == metadata_key) {
      place_ = Place::metadata;
    } else if (place_ == Place::top) {
      place_ = Place::entry;
      entry_ = Entry{};
      entry_.name = key_;
    } else {
      fail("an object");
    }
    keys_.clear();
    return true;
  }

  bool key(string_t& value) override {
    const bool fresh = (place_ == Place::top ? names_ : keys_).insert(value).second;
    if (!fresh) fail(fmt::format("the key \"{}\" a second time", shorten(value)));
    if (place_ == Place::entry && value != "dtype" && value != "shape" && value != "data_offsets") {
      fail(fmt::format("the key \"{}\"", shorten(value)));
    }
    key_ = std::move(value);
    return true;
  }

  bool end_object() override {
    if (place_ == Place::entry) {
      for (const char* needed : {"dtype", "shape", "data_offsets"}) {
        if (!keys_.contains(needed)) fail(fmt::format("the end of \"{}\" without {}", shorten(entry_.name), needed));
      }
      header_.entries.push_back(std::move(entry_));
    }
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::entry || key_ == "dtype") fail("a list");
    place_ = Place::numbers;
    numbers_.clear();
    return true;
  }

  bool end_array() override {
    place_ = Place::entry;
    if (key_ == "shape") {
      try {
        entry_.shape = Shape(std::span<const std::int64_t>(numbers_));
      } catch (const ShapeError& error) {
        fail(error.what());
      }
    } else {
      if (numbers_.size() != 2) fail(fmt::format("{} data offsets", numbers_.size()));
      entry_.begin = static_cast<std::uint64_t>(numbers_[0]);
      entry_.end = static_cast<std::uint64_t>(numbers_[1]);
    }
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    throw CheckpointError(
        fmt::format("{}: the header is not JSON near byte {} ({})", file_, offset(), shorten(error.what())));
  }

 private:
  enum class Place { outside, top, metadata, entry, numbers };

  static std::string shorten(std::string_view text) {
    return text.size() <= 120 ? std::string(text) : fmt::format("{}...", text.substr(0, 120));
  }

  std::uint64_t offset() const { return length_bytes + static_cast<std::uint64_t>(furthest_ - text_.data()); }

  const char* expected() const {
    switch (place_) {
      case Place::outside:
        return "one object of tensors";
      case Place::top:
        return "an object for each name, no name twice";
      case Place::metadata:
        return "text for each key of __metadata__, no key twice";
      case Place::entry:
        return "dtype, shape and data_offsets, each once and of its type";
      case Place::numbers:
        return "a short list of whole numbers from 0";
    }
    return "";
  }

  [[noreturn]] void fail(const std::string& found) const {
    const std::string key = key_.empty() ? "" : fmt::format(", at the key \"{}\"", shorten(key_));
    throw CheckpointError(fmt::format("{}: in the header near byte {}: expected {}, found {}{}", file_, offset(),
                                      expected(), found, key));
  }

  const std::string& file_;
  std::string_view text_;
  const char* furthest_;
  Header header_;
  Place place_ = Place::outside;
  std::string key_;
  std::set<std::string> names_;  // keys of the outer object
  std::set<std::string> keys_;   // keys of the inner object
  std::vector<std::int64_t> numbers_;
  Entry entry_;
};

// Sorts the entries by place and checks that each has the bytes of its shape and that together they fill the data
// without hole or overlap.
void check_layout(const std::string& file, std::vector<Entry>& entries, std::uint64_t data_offset,
                  std::uint64_t data_size) {
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
  std::uint64_t position = 0;
  for (const Entry& entry : entries) {
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(entry.shape->size(), entry.type->bytes, &bytes)) {
      throw CheckpointError(fmt::format("{}: tensor \"{}\": {} of {} are more bytes than can be counted", file,
                                        entry.name, entry.shape->to_string(), entry.type->name));
    }
    if (entry.end < entry.begin || entry.end - entry.begin != static_cast<std::uint64_t>(bytes)) {
      throw CheckpointError(
          fmt::format("{}: tensor \"{}\": expected {} bytes for {} of {}, found the data offsets {} "
                      "to {}",
                      file, entry.name, bytes, entry.shape->to_string(), entry.type->name, entry.begin, entry.end));
    }
    if (entry.begin != position) {
      throw CheckpointError(
          fmt::format("{}: tensor \"{}\": expected its data at offset {}, where the tensor before "
                      "ends, found {}",
                      file, entry.name, position, entry.begin));
    }
    position = entry.end;
  }
  if (position != data_size) {
    throw CheckpointError(fmt::format("{}: expected {} bytes of data from byte {} on, found {} ({})", file, position,
                                      data_offset, data_size,
                                      data_size < position ? "the file is truncated"
                                                           : "bytes at the end that belong "
                                                             "to no tensor"));
  }
}

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
    Header header = HeaderParser(file, text).parse();
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
  try {
    FileWriter writer(path);
    writer.write(&length, length_bytes);
    writer.write(header);
    for (const auto& [name, item] : items) writer.write(item.data, static_cast<std::size_t>(item.bytes));
    writer.commit();
  } catch (const Error& error) {
    throw CheckpointError(error.what());
  }
}

}  // namespace canopy
