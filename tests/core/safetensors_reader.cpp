// Tensor by tensor, from files and from folders of shards, whoever wrote them.
#include <canopy/core/safetensors_reader.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>

#include <support/errors.hpp>
#include <support/same_bits.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::same_bits;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(safetensors_reader)

namespace {

constexpr const char* index_name = "model.safetensors.index.json";

// A file with one tensor "x" of `count` elements, whose data begin at an odd byte.
template <class T>
void write_one(const std::filesystem::path& path, const char* dtype, std::initializer_list<T> values) {
  std::string header = fmt::format(R"({{"x":{{"dtype":"{}","shape":[{}],"data_offsets":[0,{}]}}}})", dtype,
                                   values.size(), values.size() * sizeof(T));
  if (header.size() % 2 == 0) header += ' ';
  const std::uint64_t length = header.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), 8);
  file << header;
  file.write(reinterpret_cast<const char*>(values.begin()), static_cast<std::streamsize>(values.size() * sizeof(T)));
}

Safetensors sample(int tensors) {
  Safetensors content{.metadata = {{"format", "pt"}, {"depth", "3"}}};
  for (int i = 0; i < tensors; ++i) {
    Tensor values({i + 1, 3});
    RandomStream(7, fmt::format("{}", i)).fill_normal(values.mutable_elements(), 0, 1);
    content.tensors.emplace(fmt::format("layer.{}.weight", i), values);
  }
  content.indices.emplace("steps", Indices({2}, {4, -5}));
  return content;
}

void check_same(const Safetensors& a, const Safetensors& b) {
  BOOST_CHECK(a.metadata == b.metadata);
  BOOST_TEST_REQUIRE(a.tensors.size() == b.tensors.size());
  BOOST_TEST_REQUIRE(a.indices.size() == b.indices.size());
  for (const auto& [name, tensor] : a.tensors) BOOST_TEST(same_bits(tensor, b.tensors.at(name)), name);
  for (const auto& [name, values] : a.indices) BOOST_TEST(same_bits(values, b.indices.at(name)), name);
}

long resident_kilobytes(const char* what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(what)) return std::stol(line.substr(line.find(':') + 1));
  }
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(headers_are_listed_and_tensors_read_one_by_one) {
  const TemporaryFolder folder;
  const Safetensors written = sample(4);
  write_safetensors(folder / "a.safetensors", written);
  const SafetensorsReader reader(folder / "a.safetensors");
  BOOST_CHECK(reader.metadata() == written.metadata);
  BOOST_TEST(reader.entries().size() == 5u);
  BOOST_TEST(reader.entries().at("steps").dtype == "I32");
  BOOST_TEST(!reader.entries().at("steps").is_float());
  BOOST_TEST(reader.entries().at("layer.2.weight").shape == (Shape{3, 3}));
  BOOST_TEST(reader.contains("layer.0.weight"));
  for (const auto& [name, tensor] : written.tensors) BOOST_TEST(same_bits(reader.tensor(name), tensor));
  BOOST_TEST(same_bits(reader.indices("steps"), written.indices.at("steps")));
  const SafetensorsReader copy = reader;  // NOLINT(performance-unnecessary-copy-initialization): shares the file
  BOOST_TEST(same_bits(copy.tensor("layer.3.weight"), written.tensors.at("layer.3.weight")));
}

BOOST_AUTO_TEST_CASE(every_dtype_is_converted_on_request) {
  const TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  const auto floats = [&](Accept accept, std::initializer_list<float> expected) {
    const Tensor found = SafetensorsReader(path).tensor("x", accept);
    BOOST_TEST(found.elements() == expected, boost::test_tools::per_element());
  };
  write_one<float>(path, "F32", {1.5f, -2.f});
  floats(Accept::floats, {1.5f, -2.f});
  write_one<double>(path, "F64", {1.5, -2.});
  floats(Accept::floats, {1.5f, -2.f});
  write_one<std::uint16_t>(path, "F16", {0x3c00, 0xfbff, 1, 0x3ff, 0x400, 0x7c00});
  floats(Accept::floats, {1.f, -65504.f, 0x1p-24f, 0x3ffp-24f, 0x1p-14f, INFINITY});
  write_one<std::uint16_t>(path, "BF16", {0x3f80, 0xc049, 0xff80});
  floats(Accept::floats, {1.f, -3.140625f, -INFINITY});
  const auto integers = [&](const char* dtype, auto type, std::initializer_list<float> as_floats) {
    using T = decltype(type);
    write_one<T>(path, dtype, {T(0), T(1), T(100)});
    const SafetensorsReader reader(path);
    floats(Accept::numbers, as_floats);
    BOOST_TEST(same_bits(reader.indices("x"), Indices({3}, {0, 1, 100})));
    BOOST_CHECK_EXCEPTION(reader.tensor("x"), CheckpointError,
                          speaks_of(path.string(), "\"x\"", dtype, "expected floats"));
  };
  integers("I64", std::int64_t(), {0, 1, 100});
  integers("I32", std::int32_t(), {0, 1, 100});
  integers("I16", std::int16_t(), {0, 1, 100});
  integers("I8", std::int8_t(), {0, 1, 100});
  integers("U64", std::uint64_t(), {0, 1, 100});
  integers("U32", std::uint32_t(), {0, 1, 100});
  integers("U16", std::uint16_t(), {0, 1, 100});
  integers("U8", std::uint8_t(), {0, 1, 100});
  integers("BOOL", std::uint8_t(), {0, 1, 100});
}

BOOST_AUTO_TEST_CASE(values_that_would_change_are_refused) {
  const TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  write_one<double>(path, "F64", {1., 1e39});
  BOOST_CHECK_EXCEPTION(SafetensorsReader(path).tensor("x"), CheckpointError, speaks_of("F64", "element 1", "F32"));
  write_one<std::int64_t>(path, "I64", {1 << 24, (1 << 24) + 1, std::int64_t{1} << 40});
  BOOST_CHECK_EXCEPTION(SafetensorsReader(path).tensor("x", Accept::numbers), CheckpointError,
                        speaks_of("I64", "element 1", "F32"));
  BOOST_CHECK_EXCEPTION(SafetensorsReader(path).indices("x"), CheckpointError, speaks_of("I64", "element 2", "I32"));
  write_one<std::uint64_t>(path, "U64", {std::numeric_limits<std::uint64_t>::max()});
  BOOST_CHECK_THROW(SafetensorsReader(path).tensor("x", Accept::numbers), CheckpointError);
  write_one<float>(path, "F32", {1.f});
  BOOST_CHECK_EXCEPTION(SafetensorsReader(path).indices("x"), CheckpointError, speaks_of("F32", "expected integers"));
  BOOST_CHECK_EXCEPTION(SafetensorsReader(path).tensor("y"), CheckpointError, speaks_of(path.string(), "\"y\""));
}

// The twin of the conversion, for all 65536 halves: the definition of the format in double.
BOOST_AUTO_TEST_CASE(every_half_has_its_value) {
  const TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  std::string header = R"({"x":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}})";
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  file += header;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    file += static_cast<char>(bits & 255);
    file += static_cast<char>(bits >> 8);
  }
  write_file(path, file);
  const Tensor found = SafetensorsReader(path).tensor("x");
  int wrong = 0;
  for (int bits = 0; bits < 65536; ++bits) {
    const int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    const double magnitude = exponent == 31 ? (mantissa ? NAN : INFINITY)
                             : exponent     ? std::ldexp(1024 + mantissa, exponent - 25)
                                            : std::ldexp(mantissa, -24);
    const auto expected = static_cast<float>(bits >> 15 ? -magnitude : magnitude);
    const float value = found.data()[bits];
    const bool same = std::isnan(expected) ? std::isnan(value) : value == expected;
    wrong += !same || std::signbit(value) != static_cast<bool>(bits >> 15);
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(shards_of_any_size_give_what_was_written) {
  for (const std::uint64_t bytes : {1ull, 40ull, 100ull, 1'000'000ull}) {
    const TemporaryFolder folder;
    const Safetensors written = sample(6);
    write_safetensors_shards(folder / "model", written, bytes);
    for (const char* place : {"model", "model/model.safetensors.index.json"}) {
      check_same(read_safetensors(folder / place), written);
      const SafetensorsReader reader(folder / place);
      BOOST_TEST(same_bits(reader.tensor("layer.5.weight"), written.tensors.at("layer.5.weight")));
    }
    const auto files = std::distance(std::filesystem::directory_iterator(folder / "model"), {});
    BOOST_TEST(files == (bytes == 1 ? 8 : bytes == 1'000'000 ? 2 : files));
  }
}

BOOST_AUTO_TEST_CASE(a_folder_of_one_file) {
  const TemporaryFolder folder;
  write_safetensors(folder / "model.safetensors", sample(2));
  check_same(read_safetensors(folder.path()), sample(2));
  BOOST_CHECK_EXCEPTION(write_safetensors_shards(folder.path(), sample(2)), CheckpointError,
                        speaks_of(folder.path().string(), "model.safetensors"));
}

BOOST_AUTO_TEST_CASE(fewer_shards_over_more) {
  const TemporaryFolder folder;
  write_safetensors_shards(folder.path(), sample(6), 1);
  write_safetensors_shards(folder.path(), sample(3), 50);
  check_same(read_safetensors(folder.path()), sample(3));
}

BOOST_AUTO_TEST_CASE(damaged_folders_are_named) {
  const TemporaryFolder folder;
  const auto index = folder / index_name;
  write_safetensors(folder / "a", {.tensors = {{"x", Tensor({1}, 1.f)}, {"both", Tensor({1}, 1.f)}}});
  write_safetensors(folder / "b", {.tensors = {{"y", Tensor({1}, 1.f)}, {"both", Tensor({1}, 1.f)}}});
  write_safetensors(folder / "c", {.tensors = {{"z", Tensor({1}, 1.f)}}});
  struct Case {
    const char* text;
    const char* part;
    const char* other;
  };
  const Case cases[] = {
      {"{", "not JSON", index_name},
      {"[]", "expected {\"metadata\"", "found array"},
      {"{}", "weight_map", "found no weight_map"},
      {R"({"weight_map":[]})", "weight_map", "no object"},
      {R"({"weight_map":{"x":1}})", "\"x\"", "found 1"},
      {R"({"weight_map":{"x":""}})", "\"x\"", "same folder"},
      {R"({"weight_map":{"x":"../a"}})", "\"x\"", "../a"},
      {R"({"weight_map":{"x":"/etc/passwd"}})", "\"x\"", "/etc/passwd"},
      {R"({"weight_map":{"x":".."}})", "\"x\"", "same folder"},
      {R"({"weight_map":{"x":"a\u0000b"}})", "\"x\"", "same folder"},
      {R"({"weight_map":{"x":"a","x":"b"}})", "\"x\"", "second time"},
      {R"({"weight_map":{"x":"a"},"weight_map":{}})", "\"weight_map\"", "second time"},
      {R"({"weight_map":{"x":"lost"}})", "lost", "no such file"},
      {R"({"weight_map":{"x":"a","y":"b"}})", "\"both\"", "/a"},
      {R"({"weight_map":{"x":"a","z":"a"}})", "\"z\" in a", "no shard"},
      {R"({"weight_map":{"x":"c","z":"a"}})", "\"x\" in c", "found it in a"},
      {R"({"weight_map":{"x":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}}})", "nested", index_name},
  };
  for (const Case& each : cases) {
    BOOST_TEST_CONTEXT(each.text) {
      write_file(index, each.text);
      BOOST_CHECK_EXCEPTION(SafetensorsReader(folder.path()), CheckpointError,
                            speaks_of(folder.path().string(), each.part, each.other));
    }
  }
  write_file(index, R"({"metadata":{"total_size":8,"by":"me"},"weight_map":{"x":"a","z":"c"}})");
  const SafetensorsReader reader(folder.path());
  BOOST_TEST(reader.metadata().at("by") == "me");
  BOOST_TEST(reader.metadata().size() == 1u);
  BOOST_TEST(reader.contains("both"));  // of a shard that is named for another tensor
  std::filesystem::resize_file(folder / "c", std::filesystem::file_size(folder / "c") - 1);
  BOOST_CHECK_EXCEPTION(SafetensorsReader(folder.path()), CheckpointError,
                        speaks_of((folder / "c").string(), "truncated"));
  write_file(index, "{}");
  std::filesystem::resize_file(index, 200'000'000);
  BOOST_CHECK_EXCEPTION(SafetensorsReader(folder.path()), CheckpointError,
                        speaks_of("at most 100000000 bytes", "200000000"));
  std::filesystem::remove(index);
  BOOST_CHECK_EXCEPTION(SafetensorsReader(folder / std::string(300, 'x')), CheckpointError, speaks_of("too long"));
  BOOST_CHECK_EXCEPTION(SafetensorsReader(folder.path()), CheckpointError,
                        speaks_of(folder.path().string(), "model.safetensors", "index.json", "neither"));
  BOOST_CHECK_EXCEPTION(SafetensorsReader{index}, CheckpointError, speaks_of(index.string(), "No such file"));
}

BOOST_AUTO_TEST_CASE(a_file_truncated_while_open_is_an_error) {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  write_safetensors(path, {.tensors = {{"a", Tensor({1000}, 1.f)}, {"b", Tensor({100'000}, 1.f)}}});
  const SafetensorsReader reader(path);
  std::filesystem::resize_file(path, 10'000);
  BOOST_TEST(reader.tensor("a").data()[999] == 1.f);
  BOOST_CHECK_EXCEPTION(reader.tensor("b"), CheckpointError, speaks_of(path.string(), "\"b\"", "ends at byte 10000"));
}

// A file of 10 GB, sparse on the disk: what is not asked for is not touched.
BOOST_AUTO_TEST_CASE(one_tensor_of_a_huge_file_takes_its_own_memory) {
  const TemporaryFolder folder;
  const auto path = folder / "huge.safetensors";
  constexpr std::int64_t huge = 2'500'000'000, small = 1 << 20;
  std::string header = fmt::format(
      R"({{"huge":{{"dtype":"F32","shape":[{}],"data_offsets":[0,{}]}},"small":{{"dtype":"BF16","shape":[{}],"data_offsets":[{},{}]}}}})",
      huge, 4 * huge, small, 4 * huge, 4 * huge + 2 * small);
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  write_file(path, file + header);
  std::filesystem::resize_file(path, 8 + header.size() + 4 * huge + 2 * small);
  const long before = resident_kilobytes("VmRSS");
  const SafetensorsReader reader(path);
  const Tensor values = reader.tensor("small");
  BOOST_TEST(std::ranges::all_of(values.elements(), [](float v) { return v == 0.f; }));
  BOOST_TEST(resident_kilobytes("VmRSS") - before < 64 * 1024);
}

BOOST_AUTO_TEST_CASE(threads_read_one_file) {
  const TemporaryFolder folder;
  const Safetensors written = sample(64);
  write_safetensors(folder / "a", written);
  const SafetensorsReader reader(folder / "a");
  std::vector<Tensor> found(64);
  const ThreadGuard guard(4);
  parallel_for(64, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      found[static_cast<std::size_t>(i)] = reader.tensor(fmt::format("layer.{}.weight", i));
    }
  });
  for (int i = 0; i < 64; ++i) {
    BOOST_TEST(same_bits(found[static_cast<std::size_t>(i)], written.tensors.at(fmt::format("layer.{}.weight", i))));
  }
}

BOOST_AUTO_TEST_CASE(bytes_are_mapped_as_they_lie) {
  const TemporaryFolder folder;
  write_one<std::uint16_t>(folder / "a", "U16", {1, 65535, 7});
  const SafetensorsReader reader(folder / "a");
  const MappedFile::Window window = reader.map("x");
  std::uint16_t values[3];
  std::memcpy(values, window.data(), sizeof values);
  BOOST_TEST(values[0] == 1);
  BOOST_TEST(values[1] == 65535);
  BOOST_TEST(values[2] == 7);
  BOOST_CHECK_EXCEPTION(reader.map("y"), CheckpointError, speaks_of("no tensor \"y\""));
  std::filesystem::resize_file(folder / "a", std::filesystem::file_size(folder / "a") - 1);
  BOOST_CHECK_EXCEPTION(reader.map("x"), CheckpointError, speaks_of("/a", "expected 6 bytes", "found 5"));
}

BOOST_AUTO_TEST_SUITE_END()
