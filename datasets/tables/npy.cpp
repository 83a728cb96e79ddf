// A reader of our own: xtensor's load_npy believes the header (what a truncated file lacks stays undefined), and reads
// only the one type that it is compiled for.
#include <canopy/datasets/tables/npy.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/number_formats.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::datasets {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t longest_header = 1 << 20;

// The header is not believed before it fits the size of the file.
struct NpyHeader {
  char kind = 'f';  // 'f' for floats, 'i' and 'u' for integers, 'b' for booleans
  int bytes = 4;    // of an element
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape = {};
  std::int64_t offset = 0;  // where the elements begin

  bool integers() const { return kind != 'f'; }
  // As NumPy writes it, such as "float32".
  std::string type() const {
    if (kind == 'b') return "bool";
    return fmt::format("{}{}", kind == 'f' ? "float" : (kind == 'i' ? "int" : "uint"), 8 * bytes);
  }
};

/// The Python dictionary of a header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string file, std::string_view text, std::int64_t offset)
      : file_(std::move(file)), text_(text), offset_(offset) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      if (key == "descr") {
        descr = true;
        parse_type(header);
      } else if (key == "fortran_order") {
        order = true;
        header.fortran_order = boolean();
      } else if (key == "shape") {
        shape = true;
        header.shape = tuple();
      } else {
        fail("the keys descr, fortran_order and shape", fmt::format("'{}'", key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!descr || !order || !shape) fail("the keys descr, fortran_order and shape", "not all of them");
    return header;
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}'", c), found());
  }

  std::string_view string() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) fail("a string", found());
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  bool boolean() {
    skip_spaces();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fail("True or False", found());
  }

  Shape tuple() {
    std::vector<std::int64_t> extents;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      std::int64_t extent = 0;
      const auto [rest, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0) fail("an extent", found());
      at_ = static_cast<std::size_t>(rest - text_.data());
      extents.push_back(extent);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    try {
      return Shape(extents);
    } catch (const ShapeError& error) {
      throw DataError(fmt::format("{}: in the header: {}", file_, error.what()));
    }
  }

  void parse_type(NpyHeader& header) {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '[') fail("an array of numbers", "one of records");
    const std::string_view type = string();
    const std::string_view order = type.substr(0, type.empty() ? 0 : 1);
    const bool known_order = order == "<" || order == ">" || order == "|" || order == "=";
    const std::string_view kind_and_bytes = known_order ? type.substr(1) : type;
    constexpr std::string_view known[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
    if (std::ranges::find(known, kind_and_bytes) == std::end(known)) {
      fail("numbers (f2, f4, f8, i1 to i8, u1 to u8 or b1)", fmt::format("the type '{}'", type));
    }
    header.kind = kind_and_bytes[0];
    header.bytes = kind_and_bytes[1] - '0';
    header.big_endian = order == ">";
  }

  std::string found() const {
    constexpr std::size_t most = 20;
    return at_ >= text_.size() ? "the header's end" : fmt::format("\"{}\"", text_.substr(at_, most));
  }
  [[noreturn]] void fail(const std::string& expected, const std::string& found) const {
    throw DataError(fmt::format("{}: at byte {}: expected {}, found {}", file_,
                                offset_ + static_cast<std::int64_t>(at_), expected, found));
  }

  std::string file_;
  std::string_view text_;
  std::int64_t offset_;  // of the text in the file
  std::size_t at_ = 0;
};

NpyHeader read_header(FileReader& reader, const std::string& file) {
  const auto fail = [&](const std::string& expected, const std::string& found) {
    throw DataError(fmt::format("{}: at byte 0: expected {}, found {}", file, expected, found));
  };
  std::array<unsigned char, 12> head{};
  const std::size_t got = reader.read_some(head.data(), 10);
  if (std::string_view(reinterpret_cast<const char*>(head.data()), std::min(got, magic.size())) != magic) {
    fail("the bytes \"\\x93NUMPY\" of a .npy file", got == 0 ? "an empty file" : "others");
  }
  const int version = head[6];
  if (got < 10 || version < 1 || version > 3) {
    fail("a header of version 1, 2 or 3", got < 10 ? "a truncated one" : fmt::format("version {}", version));
  }
  std::size_t before = 10, length = head[8] + 256u * head[9];
  if (version > 1) {
    before = 12;
    if (reader.read_some(head.data() + 10, 2) < 2) fail("a header's length", "the end of the file");
    length += (std::size_t{head[10]} << 16) + (std::size_t{head[11]} << 24);
  }
  if (length > longest_header || length + before > reader.size()) {
    fail(fmt::format("a header within {} bytes", std::min<std::uint64_t>(longest_header, reader.size())),
         fmt::format("the length {}", length));
  }
  std::string text(length, '\0');
  reader.read(text.data(), text.size());
  NpyHeader header = HeaderParser(file, text, static_cast<std::int64_t>(before)).parse();
  header.offset = static_cast<std::int64_t>(before + length);
  const auto found = static_cast<std::int64_t>(reader.size()) - header.offset;
  const bool fits = header.shape.size() <= std::numeric_limits<std::int64_t>::max() / header.bytes;
  if (!fits || found != header.shape.size() * header.bytes) {
    throw DataError(
        fmt::format("{}: at byte {}: expected {} elements of {} bytes for the shape {}, found {} bytes: the "
                    "file is {}",
                    file, header.offset, header.shape.size(), header.bytes, header.shape.to_string(), found,
                    !fits || found < header.shape.size() * header.bytes ? "truncated" : "too long"));
  }
  return header;
}

template <class From, class To>
void read_elements(FileReader& reader, const NpyHeader& header, const std::string& file, To* out) {
  constexpr std::int64_t block = 1 << 14;
  std::vector<std::array<unsigned char, sizeof(From)>> raw(
      static_cast<std::size_t>(std::min(block, header.shape.size())));
  for (std::int64_t begin = 0; begin < header.shape.size(); begin += block) {
    const std::int64_t count = std::min(block, header.shape.size() - begin);
    reader.read(raw.data(), static_cast<std::size_t>(count) * sizeof(From));
    for (std::int64_t i = 0; i < count; ++i) {
      auto bytes = raw[static_cast<std::size_t>(i)];
      if (header.big_endian) std::ranges::reverse(bytes);
      const auto value = std::bit_cast<From>(bytes);
      if (!representable<To>(value)) {
        throw DataError(fmt::format("{}: element {} ({}) does not fit {}", file, begin + i, header.type(),
                                    std::is_same_v<To, float> ? "a float" : "32 bits"));
      }
      out[begin + i] = static_cast<To>(value);
    }
  }
}

/// From the first axis running fastest to the last.
template <class T>
Array<T> in_c_order(const Array<T>& fortran) {
  Array<T> result(fortran.shape());
  T* out = result.mutable_data();
  const int rank = fortran.rank();
  std::array<std::int64_t, Shape::max_rank> strides{}, index{};
  std::int64_t stride = 1;
  for (int axis = 0; axis < rank; ++axis) {
    strides[static_cast<std::size_t>(axis)] = stride;
    stride *= fortran.extent(axis);
  }
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < fortran.size(); ++i) {
    out[i] = fortran.data()[at];
    for (int axis = rank; axis-- > 0;) {
      const auto a = static_cast<std::size_t>(axis);
      at += strides[a];
      if (++index[a] < fortran.extent(axis)) break;
      at -= strides[a] * fortran.extent(axis);
      index[a] = 0;
    }
  }
  return result;
}

template <class T>
Array<T> read_as(const std::filesystem::path& path) {
  const std::string file = path.string();
  return failing_as<DataError>(path, [&] {
    FileReader reader(path);
    const NpyHeader header = read_header(reader, file);
    if (std::is_integral_v<T> && !header.integers()) {
      throw DataError(
          fmt::format("{}: expected integers, found {}: save them as y.astype(\"int64\")", file, header.type()));
    }
    Array<T> array(header.shape);
    T* out = array.mutable_data();
    const auto read = [&]<class From>(std::type_identity<From>) { read_elements<From>(reader, header, file, out); };
    const std::string type = fmt::format("{}{}", header.kind, header.bytes);
    if constexpr (std::is_floating_point_v<T>) {
      if (type == "f2") read(std::type_identity<Half>());
      if (type == "f4") read(std::type_identity<float>());
      if (type == "f8") read(std::type_identity<double>());
    }
    if (type == "i1") read(std::type_identity<std::int8_t>());
    if (type == "i2") read(std::type_identity<std::int16_t>());
    if (type == "i4") read(std::type_identity<std::int32_t>());
    if (type == "i8") read(std::type_identity<std::int64_t>());
    if (type == "u1" || type == "b1") read(std::type_identity<std::uint8_t>());
    if (type == "u2") read(std::type_identity<std::uint16_t>());
    if (type == "u4") read(std::type_identity<std::uint32_t>());
    if (type == "u8") read(std::type_identity<std::uint64_t>());
    return header.fortran_order && array.rank() > 1 ? in_c_order(array) : array;
  });
}

template <class T>
void write(const std::filesystem::path& path, const Array<T>& array, const char* type) {
  std::string shape = fmt::format("{}", fmt::join(array.shape().begin(), array.shape().end(), ", "));
  if (array.rank() == 1) shape += ',';
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, shape);
  constexpr std::size_t alignment = 64, before = 10;
  header.append(alignment - 1 - (before + header.size()) % alignment, ' ');
  header += '\n';
  FileWriter file(path);
  file.write(magic);
  const char version_and_length[] = {1, 0, static_cast<char>(header.size() % 256),
                                     static_cast<char>(header.size() / 256)};
  file.write(version_and_length, sizeof version_and_length);
  file.write(header);
  file.write(array.data(), static_cast<std::size_t>(array.size()) * sizeof(T));
  file.commit();
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) { return read_as<float>(path); }
Indices read_npy_indices(const std::filesystem::path& path) { return read_as<std::int32_t>(path); }

void write_npy(const std::filesystem::path& path, const Tensor& array) { write(path, array, "<f4"); }
void write_npy(const std::filesystem::path& path, const Indices& array) { write(path, array, "<i4"); }

}  // namespace canopy::datasets
