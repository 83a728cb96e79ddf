#include <canopy/core/safetensors.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>

#include <support/errors.hpp>
#include <support/file_size_limit.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::FileSizeLimit;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(safetensors)

namespace {

std::string length_of(std::uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

// A file of the given header, its length, and data.
std::string file_of(const std::string& header, const std::string& data = "") {
  return length_of(header.size()) + header + data;
}

template <class T>
std::string bytes_of(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

class Reader {
 public:
  Safetensors operator()(const std::string& content) const {
    std::ofstream(path(), std::ios::binary) << content;  // without the sync of write_file: there are hundreds of cases
    return read_safetensors(path());
  }
  std::filesystem::path path() const { return folder_ / "case.safetensors"; }

 private:
  TemporaryFolder folder_;
};

// The error of a hostile file: it names the file and every one of the parts.
template <class... Parts>
void check_rejected(const std::string& content, Parts... parts) {
  const Reader read;
  BOOST_CHECK_EXCEPTION(read(content), CheckpointError, [&](const CheckpointError& error) {
    const bool right = speaks_of(read.path().string(), parts...)(error);
    if (!right) BOOST_TEST_MESSAGE(error.what());
    return right;
  });
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape, std::int64_t begin,
                  std::int64_t end) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", name, dtype, shape, begin, end);
}

// A header with one tensor "x".
std::string header_of(const std::string& dtype, const std::string& shape, std::int64_t end) {
  return fmt::format("{{{}}}", entry("x", dtype, shape, 0, end));
}

Safetensors sample() {
  Safetensors content;
  content.metadata = {{"depth", "4"}, {"quoted", "a \"word\" \\ é \n"}};
  content.tensors = {{"b.weight", Tensor({2, 3}, {1.f, -2.f, 3.5f, 0.f, 5.f, 6.f})},
                     {"a.scalar", Tensor::scalar(7.f)},
                     {"none", Tensor({4, 0})},
                     {"default", Tensor()}};
  content.indices = {{"step", Indices({3}, {1, -2, std::numeric_limits<std::int32_t>::max()})}};
  return content;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  const TemporaryFolder folder;
  const Safetensors written = sample();
  write_safetensors(folder / "a", written);
  const Safetensors read = read_safetensors(folder / "a");
  BOOST_CHECK(read.metadata == written.metadata);
  BOOST_TEST(read.tensors.size() == written.tensors.size());
  for (const auto& [name, tensor] : written.tensors) {
    const Tensor& other = read.tensors.at(name);
    BOOST_CHECK(other.shape() == tensor.shape());
    BOOST_TEST(other.elements() == tensor.elements(), boost::test_tools::per_element());
  }
  BOOST_TEST(read.indices.size() == 1u);
  BOOST_TEST(read.indices.at("step").elements() == written.indices.at("step").elements(),
             boost::test_tools::per_element());
  write_safetensors(folder / "b", read);
  BOOST_CHECK(read_file(folder / "a") == read_file(folder / "b"));
}

BOOST_AUTO_TEST_CASE(bits_of_special_values_survive) {
  const TemporaryFolder folder;
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor special({5}, {infinity, -infinity, -0.f, std::nanf("7"), std::numeric_limits<float>::denorm_min()});
  write_safetensors(folder / "a", {.tensors = {{"x", special}}});
  const Tensor read = read_safetensors(folder / "a").tensors.at("x");
  BOOST_TEST(std::memcmp(read.data(), special.data(), 20) == 0);
}

// The rules of the format, byte by byte, without the reader.
BOOST_AUTO_TEST_CASE(a_written_file_keeps_the_rules_of_the_format) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", sample());
  const std::string file = read_file(folder / "a");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  BOOST_REQUIRE(length <= file.size() - 8);
  BOOST_TEST((8 + length) % 8 == 0u);
  const std::string header = file.substr(8, length);
  const std::string text = header.substr(0, header.find_last_not_of(' ') + 1);
  BOOST_TEST(header.size() - text.size() < 8u);
  BOOST_TEST(text == R"({"__metadata__":{"depth":"4","quoted":"a \"word\" \\ é \n"},)"
                     R"("a.scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                     R"("b.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},)"
                     R"("default":{"dtype":"F32","shape":[0],"data_offsets":[28,28]},)"
                     R"("none":{"dtype":"F32","shape":[4,0],"data_offsets":[28,28]},)"
                     R"("step":{"dtype":"I32","shape":[3],"data_offsets":[28,40]}})");
  BOOST_TEST(file.size() - 8 - length == 40u);
  float value = 0.f;
  std::memcpy(&value, file.data() + 8 + length + 4 + 8, 4);
  BOOST_TEST(value == 3.5f);
}

BOOST_AUTO_TEST_CASE(an_empty_file_of_the_format) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", {});
  const Safetensors read = read_safetensors(folder / "a");
  BOOST_TEST(read.tensors.empty());
  BOOST_TEST(read.indices.empty());
  BOOST_TEST(read.metadata.empty());
}

BOOST_AUTO_TEST_CASE(other_number_types_are_converted) {
  const Reader read;
  const auto tensor = [&](const char* dtype, const std::string& data, std::int64_t n) {
    return read(
        file_of(header_of(dtype, fmt::format("[{}]", n), static_cast<std::int64_t>(data.size())) + "   ", data));
  };
  const auto f64 = tensor("F64", bytes_of<double>({0.1, -1e300 / 1e300, INFINITY}), 3).tensors.at("x");
  BOOST_TEST(f64.data()[0] == 0.1f);
  BOOST_TEST(f64.data()[1] == -1.f);
  BOOST_TEST(f64.data()[2] == INFINITY);
  // 1, -2, 65504 (largest), 2^-24 (smallest), 2^-14 (smallest normal), infinity, -0
  const auto f16 = tensor("F16", bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x7bff, 1, 0x400, 0x7c00, 0x8000, 0x7e00}), 8)
                       .tensors.at("x");
  const float halves[] = {1.f, -2.f, 65504.f, 0x1p-24f, 0x1p-14f, INFINITY, -0.f};
  BOOST_TEST(f16.elements().first(7) == halves, boost::test_tools::per_element());
  BOOST_TEST(std::signbit(f16.data()[6]));
  BOOST_TEST(std::isnan(f16.data()[7]));
  const auto bf16 = tensor("BF16", bytes_of<std::uint16_t>({0x3f80, 0xc049}), 2).tensors.at("x");
  BOOST_TEST(bf16.data()[0] == 1.f);
  BOOST_TEST(bf16.data()[1] == -3.140625f);

  const auto integers = [&](const char* dtype, const std::string& data, std::initializer_list<std::int32_t> expected) {
    const auto n = static_cast<std::int64_t>(expected.size());
    BOOST_TEST(tensor(dtype, data, n).indices.at("x").elements() == expected, boost::test_tools::per_element());
  };
  integers("I64", bytes_of<std::int64_t>({5, -6}), {5, -6});
  integers("U64", bytes_of<std::uint64_t>({5}), {5});
  integers("U32", bytes_of<std::uint32_t>({7}), {7});
  integers("I16", bytes_of<std::int16_t>({-300}), {-300});
  integers("U16", bytes_of<std::uint16_t>({65535}), {65535});
  integers("I8", bytes_of<std::int8_t>({-8}), {-8});
  integers("U8", bytes_of<std::uint8_t>({200}), {200});
  integers("BOOL", bytes_of<std::uint8_t>({1, 0}), {1, 0});
}

BOOST_AUTO_TEST_CASE(values_out_of_range) {
  const auto one = [](const char* dtype, const std::string& data) {
    return file_of(header_of(dtype, "[1]", static_cast<std::int64_t>(data.size())), data);
  };
  check_rejected(one("I64", bytes_of<std::int64_t>({1ll << 31})), "\"x\"", "I64", "element 0");
  check_rejected(one("I64", bytes_of<std::int64_t>({-(1ll << 31) - 1})), "\"x\"");
  check_rejected(one("U32", bytes_of<std::uint32_t>({1u << 31})), "\"x\"");
  check_rejected(one("F64", bytes_of<double>({1e39})), "\"x\"", "F64");
}

BOOST_AUTO_TEST_CASE(truncated_files) {
  check_rejected("", "byte 0");
  check_rejected("1234567", "byte 0", "8 bytes", "7");
  check_rejected(length_of(0), "byte 8", "'{'", "no header");
  check_rejected(length_of(100) + "{}", "at most 2", "100");
  check_rejected(length_of(std::numeric_limits<std::uint64_t>::max()) + "{}", "at most 2");
  check_rejected(length_of(100'000'001) + "{}" + std::string(1000, ' '), "at most 1002");
  const TemporaryFolder folder;
  write_safetensors(folder / "a", sample());
  const std::string whole = read_file(folder / "a");
  for (std::size_t size = 0; size < whole.size(); ++size) check_rejected(whole.substr(0, size));
  check_rejected(whole + "x", "found 41", "belong to no tensor");
  check_rejected(whole.substr(0, whole.size() - 1), "found 39", "truncated");
}

// The limit holds before memory is taken: the file is sparse.
BOOST_AUTO_TEST_CASE(a_header_beyond_the_limit) {
  const TemporaryFolder folder;
  write_file(folder / "a", length_of(100'000'001) + "{}");
  std::filesystem::resize_file(folder / "a", 200'000'000);
  BOOST_CHECK_EXCEPTION(read_safetensors(folder / "a"), CheckpointError, speaks_of("100000000", "100000001"));
}

BOOST_AUTO_TEST_CASE(headers_that_are_not_json) {
  check_rejected(file_of("[]"), "byte 8", "0x5b");
  check_rejected(file_of(" {}"), "'{'", "0x20");
  check_rejected(file_of("{"), "JSON");
  check_rejected(file_of("{} x"), "JSON");
  check_rejected(file_of("{}{}"), "JSON");
  check_rejected(file_of("{\"\xff\":1}"), "JSON");
  check_rejected(file_of("{/**/}"), "JSON");
  check_rejected(file_of(std::string("{}\0{}", 5)), "zero byte", "byte 10");
}

BOOST_AUTO_TEST_CASE(nesting_bombs) {
  const std::string deep(1'000'000, '[');
  check_rejected(file_of("{\"x\":" + deep), "\"x\"", "a list");
  check_rejected(file_of("{\"x\":{\"shape\":" + deep), "a list");
  std::string objects = "{";
  for (int i = 0; i < 200'000; ++i) objects += "\"x\":{";
  check_rejected(file_of(objects));
}

BOOST_AUTO_TEST_CASE(entries_of_the_wrong_type) {
  const auto with = [](const std::string& fields) { return file_of("{\"x\":{" + fields + "}}", "1234"); };
  const std::string rest = R"(,"shape":[1],"data_offsets":[0,4])";
  check_rejected(with(R"("dtype":"F33")" + rest), "unknown dtype", "F33");
  check_rejected(with(R"("dtype":4)" + rest), "the number 4");
  check_rejected(with(R"("dtype":["F32"])" + rest), "a list");
  check_rejected(with(R"("dtype":null)" + rest), "null");
  check_rejected(with(R"("dtype":"F32","shape":1,"data_offsets":[0,4])"), "the number 1");
  check_rejected(with(R"("dtype":"F32","shape":"1","data_offsets":[0,4])"), "the text");
  check_rejected(with(R"("dtype":"F32","shape":[true],"data_offsets":[0,4])"), "a boolean");
  check_rejected(with(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])"), "the text");
  check_rejected(with(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), "1.0");
  check_rejected(with(R"("dtype":"F32","shape":[{}],"data_offsets":[0,4])"), "an object");
  check_rejected(with(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), "1 data offsets");
  check_rejected(with(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,4])"), "3 data offsets");
  check_rejected(with(R"("dtype":"F32","shape":[1],"data_offsets":[-1,3])"), "-1");
  check_rejected(with(R"("dtype":"F32","shape":[1])"), "without data_offsets");
  check_rejected(with(R"("shape":[1],"data_offsets":[0,4])"), "without dtype");
  check_rejected(with(R"("dtype":"F32","data_offsets":[0,4])"), "without shape");
  check_rejected(with(R"("dtype":"F32","stride":1)" + rest), "stride");
  check_rejected(file_of(R"({"x":[]})"), "a list");
  check_rejected(file_of(R"({"x":"text"})"), "the text");
}

BOOST_AUTO_TEST_CASE(hostile_shapes) {
  const auto with = [](const std::string& shape, std::int64_t end) {
    return file_of(header_of("F32", shape, end), "1234");
  };
  check_rejected(with("[-1]", 4), "-1");
  check_rejected(with("[9223372036854775808]", 4), "too large");
  check_rejected(with("[99999999999999999999999]", 4));
  check_rejected(with("[4294967296,4294967296]", 0), "counted");
  check_rejected(with("[4611686018427387905]", 4), "\"x\"", "counted");  // 2^62 + 1: the bytes would wrap to 4
  check_rejected(with("[1,1,1,1,1,1,1]", 4), "more than 6");
  check_rejected(with("[2]", 4), "\"x\"", "8 bytes", "0 to 4");
  check_rejected(with("[0]", 4), "0 bytes");
  check_rejected(with("[1000000000000]", 4000000000000), "truncated");
}

BOOST_AUTO_TEST_CASE(overlaps_and_holes) {
  const auto two = [](std::int64_t begin_a, std::int64_t end_a, std::int64_t begin_b, std::int64_t end_b) {
    return file_of(
        fmt::format("{{{},{}}}", entry("a", "F32", "[1]", begin_a, end_a), entry("b", "F32", "[1]", begin_b, end_b)),
        "12345678");
  };
  BOOST_TEST(Reader()(two(4, 8, 0, 4)).tensors.size() == 2u);
  check_rejected(two(0, 4, 0, 4), "\"b\"", "offset 4", "found 0");
  check_rejected(two(0, 4, 2, 6), "\"b\"", "offset 4", "found 2");
  check_rejected(two(0, 4, 6, 10), "\"b\"", "offset 4", "found 6");
  check_rejected(two(2, 6, 6, 10), "\"a\"", "offset 0", "found 2");
  check_rejected(two(4, 0, 4, 8), "\"a\"", "4 to 0");
}

BOOST_AUTO_TEST_CASE(names_used_twice) {
  const std::string a = entry("a", "F32", "[0]", 0, 0);
  check_rejected(file_of("{" + a + "," + a + "}"), "\"a\"", "second time");
  check_rejected(file_of(R"({"\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},)" + a + "}"), "second time");
  check_rejected(file_of(R"({"a":{"dtype":"F32","dtype":"F32"}})"), "\"dtype\"", "second time");
  check_rejected(file_of(R"({"__metadata__":{"k":"1","k":"2"}})"), "\"k\"", "second time");
  check_rejected(file_of(R"({"__metadata__":{},"__metadata__":{}})"), "second time");
}

BOOST_AUTO_TEST_CASE(metadata_is_text) {
  BOOST_TEST(Reader()(file_of(R"({"__metadata__":{"k":"v"}})")).metadata.at("k") == "v");
  check_rejected(file_of(R"({"__metadata__":{"k":1}})"), "the number 1");
  check_rejected(file_of(R"({"__metadata__":{"k":{}}})"), "an object");
  check_rejected(file_of(R"({"__metadata__":{"k":[]}})"), "a list");
  check_rejected(file_of(R"({"__metadata__":[]})"), "a list");
  check_rejected(file_of(R"({"__metadata__":"text"})"), "the text");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  Safetensors content = sample();
  content.indices.emplace("none", Indices({1}, 1));
  BOOST_CHECK_EXCEPTION(write_safetensors(folder / "a", content), CheckpointError, speaks_of("/a", "none"));
  content = sample();
  content.tensors.emplace("__metadata__", Tensor({1}, 1.f));
  BOOST_CHECK_EXCEPTION(write_safetensors(folder / "a", content), CheckpointError, speaks_of("__metadata__"));
  content = sample();
  content.metadata.emplace("k", "\xff");
  BOOST_CHECK_EXCEPTION(write_safetensors(folder / "a", content), CheckpointError, speaks_of("/a", "UTF-8"));
  BOOST_TEST(read_file(folder / "a") == "old");
  BOOST_CHECK_EXCEPTION(write_safetensors(folder / "no/a", sample()), Error, speaks_of("no/a"));
  BOOST_CHECK_EXCEPTION(read_safetensors(folder / "missing"), CheckpointError, speaks_of("missing", "No such file"));
  BOOST_CHECK_EXCEPTION(write_safetensors("/dev/full", sample()), Error, speaks_of("No space left"));
  BOOST_TEST(folder.entries() == 1);
}

BOOST_AUTO_TEST_CASE(a_write_that_fails_leaves_the_old_file) {
  const TemporaryFolder folder;
  write_safetensors(folder / "a", sample());
  const std::string before = read_file(folder / "a");
  {
    const FileSizeLimit limit(50'000);
    BOOST_CHECK_EXCEPTION(write_safetensors(folder / "a", {.tensors = {{"x", Tensor({100'000}, 1.f)}}}), Error,
                          speaks_of("/a", "File too large"));
  }
  BOOST_CHECK(read_file(folder / "a") == before);
  BOOST_TEST(folder.entries() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
