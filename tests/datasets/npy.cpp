#include <canopy/datasets/tables/npy.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(npy)

namespace {

/// A file as NumPy writes it.
std::string npy(const std::string& dictionary, const std::string& elements, int version = 1) {
  std::string header = dictionary;
  const std::size_t before = version == 1 ? 10 : 12;
  header.append(63 - (before + header.size()) % 64, ' ');
  header += '\n';
  std::string content = "\x93NUMPY";
  content += static_cast<char>(version);
  content += '\0';
  for (std::size_t i = 0; i < before - 8; ++i) content += static_cast<char>(header.size() >> 8 * i & 255);
  return content + header + elements;
}

std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", type, fortran ? "True" : "False", shape);
}

template <class T>
std::string bytes_of(const std::vector<T>& values, bool big_endian = false) {
  std::string bytes;
  for (const T value : values) {
    auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
    if (big_endian) std::ranges::reverse(raw);
    bytes.append(raw.data(), raw.size());
  }
  return bytes;
}

struct File {
  TemporaryFolder folder;
  std::filesystem::path path = folder / "a.npy";

  const File& operator()(const std::string& content) const {
    write_plain(path, content);
    return *this;
  }
  template <class... Parts>
  void is_refused(Parts... parts) const {
    BOOST_CHECK_EXCEPTION(datasets::read_npy(path), DataError, speaks_of("a.npy", parts...));
  }
};

/// -3, 0, 5 (3, 0, 5 where there is no sign) as a type of NumPy's in both orders of bytes.
template <class T>
void check_type(const File& file, const std::string& type, bool integer) {
  const T first = std::is_signed_v<T> ? static_cast<T>(-3) : T{3};
  for (const bool big_endian : {false, true}) {
    file(npy(dictionary(fmt::format("{}{}", big_endian ? ">" : "<", type), "(3,)"),
             bytes_of<T>({first, T{0}, T{5}}, big_endian)));
    const Tensor floats = datasets::read_npy(file.path);
    BOOST_CHECK((floats.shape() == Shape{3}));
    BOOST_TEST(floats.data()[0] == static_cast<float>(first));
    BOOST_TEST(floats.data()[2] == 5.f);
    if (integer) {
      BOOST_TEST(datasets::read_npy_indices(file.path).data()[0] == static_cast<std::int32_t>(first));
    } else {
      BOOST_CHECK_EXCEPTION(datasets::read_npy_indices(file.path), DataError,
                            speaks_of("a.npy", "integers", "float", "astype"));
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_type) {
  const File file;
  check_type<float>(file, "f4", false);
  check_type<double>(file, "f8", false);
  check_type<std::int8_t>(file, "i1", true);
  check_type<std::int16_t>(file, "i2", true);
  check_type<std::int32_t>(file, "i4", true);
  check_type<std::int64_t>(file, "i8", true);
  check_type<std::uint8_t>(file, "u1", true);
  check_type<std::uint16_t>(file, "u2", true);
  check_type<std::uint32_t>(file, "u4", true);
  check_type<std::uint64_t>(file, "u8", true);
  file(npy(dictionary("|b1", "(2,)"), std::string("\1\0", 2)));
  BOOST_TEST(datasets::read_npy_indices(file.path).data()[0] == 1);
  // Half precision: 1, -2, the largest, the least subnormal, infinity.
  file(npy(dictionary("<f2", "(5,)"), bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00})));
  const Tensor halves = datasets::read_npy(file.path);
  BOOST_TEST(halves.data()[0] == 1.f);
  BOOST_TEST(halves.data()[1] == -2.f);
  BOOST_TEST(halves.data()[2] == 65504.f);
  BOOST_TEST(halves.data()[3] == std::ldexp(1.f, -24));
  BOOST_TEST(std::isinf(halves.data()[4]));
}

BOOST_AUTO_TEST_CASE(versions_shapes_and_orders) {
  const File file;
  std::vector<float> values(24);
  std::iota(values.begin(), values.end(), 0.f);
  for (const int version : {1, 2, 3}) {
    file(npy(dictionary("<f4", "(2, 3, 4)"), bytes_of(values), version));
    const Tensor c = datasets::read_npy(file.path);
    BOOST_CHECK((c.shape() == Shape{2, 3, 4}));
    BOOST_TEST(c.elements() == values, boost::test_tools::per_element());
    file(npy(dictionary("<f4", "(2, 3, 4)", true), bytes_of(values), version));
    const Tensor fortran = datasets::read_npy(file.path);
    for (std::int64_t i = 0; i < 2; ++i) {
      for (std::int64_t j = 0; j < 3; ++j) {
        for (std::int64_t k = 0; k < 4; ++k) {
          BOOST_TEST(fortran.data()[(i * 3 + j) * 4 + k] == static_cast<float>(i + 2 * j + 6 * k));
        }
      }
    }
  }
  file(npy(dictionary("<f4", "()"), bytes_of<float>({7.f})));
  BOOST_TEST(datasets::read_npy(file.path).item() == 7.f);
  file(npy(dictionary("<f4", "(0, 5)", true), ""));
  BOOST_CHECK((datasets::read_npy(file.path).shape() == Shape{0, 5}));
  file(npy("{\"shape\":(1,),\"fortran_order\":False,\"descr\":\"<f4\"}", bytes_of<float>({7.f})));
  BOOST_TEST(datasets::read_npy(file.path).item() == 7.f);
}

BOOST_AUTO_TEST_CASE(values_that_do_not_fit) {
  const File file;
  file(npy(dictionary("<f8", "(2,)"), bytes_of<double>({1.0, 1e300}))).is_refused("element 1", "float64");
  file(npy(dictionary("<f8", "(1,)"), bytes_of<double>({std::numeric_limits<double>::infinity()})));
  BOOST_TEST(std::isinf(datasets::read_npy(file.path).item()));
  file(npy(dictionary("<i8", "(1,)"), bytes_of<std::int64_t>({std::int64_t{1} << 31})));
  BOOST_CHECK_EXCEPTION(datasets::read_npy_indices(file.path), DataError, speaks_of("element 0", "int64", "32 bits"));
}

BOOST_AUTO_TEST_CASE(headers_are_not_believed) {
  const File file;
  BOOST_CHECK_EXCEPTION(datasets::read_npy(file.folder / "none.npy"), DataError, speaks_of("none.npy", "No such file"));
  file("").is_refused("empty");
  file("PK\3\4 an archive of arrays").is_refused("NUMPY");
  file("\x93NUMPY").is_refused("truncated");
  file(npy(dictionary("<f4", "(3,)"), bytes_of<float>({1, 2, 3}), 4)).is_refused("version 4");
  const std::string whole = npy(dictionary("<f4", "(3,)"), bytes_of<float>({1, 2, 3}));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    file(whole.substr(0, size));
    BOOST_CHECK_THROW(datasets::read_npy(file.path), DataError);
  }
  file(whole.substr(0, whole.size() - 1)).is_refused("truncated", "11 bytes");
  file(whole + "x").is_refused("too long");
  const auto header = [&](const std::string& text, auto... parts) {
    file(npy(text, bytes_of<float>({1, 2, 3}))).is_refused(parts...);
  };
  header(dictionary("<f4", "(1000000000000,)"), "truncated");
  header(dictionary("<f8", "(9223372036854775807,)"), "truncated");
  header(dictionary("<f4", "(4294967296, 4294967296, 4294967296)"), "header");
  header(dictionary("<f4", "(-3,)"), "extent");
  header(dictionary("<f4", "(1, 1, 1, 1, 1, 1, 3)"), "header");
  header(dictionary("<f4", "3"), "'('");
  header(dictionary("<c8", "(3,)"), "numbers", "<c8");
  header(dictionary("|O", "(3,)"), "numbers", "|O");
  header(dictionary("<U3", "(1,)"), "numbers", "<U3");
  header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }", "records");
  header("{'descr': '<f4', 'shape': (3,), }", "not all of them");
  header("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (3,), }", "True or False");
  header("{'descr': '<f4', 'mine': True, 'fortran_order': False, 'shape': (3,), }", "'mine'");
  header("not a dictionary", "'{'");
  header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,", "an extent", "header's end");
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  const File file;
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{5}, Shape{2, 3}, Shape{2, 1, 3}}) {
    Tensor x(shape);
    std::iota(x.mutable_data(), x.mutable_data() + x.size(), 0.5f);
    datasets::write_npy(file.path, x);
    const Tensor back = datasets::read_npy(file.path);
    BOOST_CHECK(back.shape() == shape);
    BOOST_CHECK(std::ranges::equal(back.elements(), x.elements()));
    const Indices y(shape, -7);
    datasets::write_npy(file.path, y);
    const Indices labels = datasets::read_npy_indices(file.path);
    BOOST_CHECK(std::ranges::equal(labels.elements(), y.elements()));
  }
  // Byte by byte what numpy.save writes.
  datasets::write_npy(file.path, Tensor({2, 3}, 1.f));
  const std::string expected =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", bytes_of<float>({1, 1, 1, 1, 1, 1}));
  BOOST_CHECK(read_file(file.path) == expected);
}

BOOST_AUTO_TEST_SUITE_END()
