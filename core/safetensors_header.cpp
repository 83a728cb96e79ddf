#include <canopy/core/safetensors_header.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy::safetensors {
namespace {

constexpr TypeInfo types[] = {{"F32", Type::f32, 4},     {"F64", Type::f64, 8}, {"F16", Type::f16, 2},
                              {"BF16", Type::bf16, 2},   {"I64", Type::i64, 8}, {"I32", Type::i32, 4},
                              {"I16", Type::i16, 2},     {"I8", Type::i8, 1},   {"U64", Type::u64, 8},
                              {"U32", Type::u32, 4},     {"U16", Type::u16, 2}, {"U8", Type::u8, 1},
                              {"BOOL", Type::boolean, 1}};

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
    if (const auto zero = text_.find('\0'); zero != std::string_view::npos) {
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

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    throw CheckpointError(fmt::format("{}: the header is not JSON near byte {}", file_, offset()));
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

}  // namespace

Header parse_header(const std::string& file, const std::string& text) { return HeaderParser(file, text).parse(); }

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

}  // namespace canopy::safetensors
