#include <canopy/datasets/tables/load_table.hpp>

#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/datasets/load.hpp>
#include <canopy/datasets/tables/npy.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(load_table)

namespace {

/// Row i has x = i, z = 1000 - i, a class by i % 3 and y = 2 i.
std::string table(int rows) {
  std::string text = "x;z;kind;y\n";
  for (int i = 0; i < rows; ++i) text += fmt::format("{};{};{};{}\n", i, 1000 - i, "abc"[i % 3], 2 * i);
  return text;
}

template <class T>
Tensor inputs_of(const TensorDataset<T>& dataset) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(dataset.size()));
  std::iota(all.begin(), all.end(), 0);
  return dataset.batch(all).first;
}

template <class T>
std::vector<float> raw_column(const TensorDataset<T>& dataset, std::int64_t column) {
  const Tensor inputs = inputs_of(dataset.as_saved());
  std::vector<float> values;
  for (std::int64_t i = column; i < inputs.size(); i += dataset.features()) values.push_back(inputs.data()[i]);
  return values;
}

template <class... Parts>
void refused(const std::string& name, Parts... parts) {
  BOOST_CHECK_EXCEPTION(datasets::load(name, Split::train), Error, speaks_of(parts...));
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_part_of_a_file_is_held_back) {
  const TemporaryFolder folder;
  write_plain(folder / "t.csv", table(100));
  const std::string name = "csv:" + (folder / "t.csv").string() + "?delimiter=;&label=kind&ignore=y";
  const auto train = datasets::load(name, Split::train);
  const auto test = datasets::load(name, Split::test);
  BOOST_TEST(train.size() == 80);
  BOOST_TEST(test.size() == 20);
  BOOST_TEST(train.name() == name);
  BOOST_TEST(train.features() == 2);
  BOOST_TEST(train.classes() == 3);
  BOOST_CHECK((test.class_names() == std::vector<std::string>{"a", "b", "c"}));
  std::set<float> seen;
  for (const auto* part : {&train, &test}) {
    for (const float x : raw_column(*part, 0)) BOOST_TEST(seen.insert(x).second);
    const Indices labels = part->labels();
    for (std::int64_t i = 0; i < part->size(); ++i) {
      BOOST_TEST(labels.data()[i] == static_cast<int>(raw_column(*part, 0)[static_cast<std::size_t>(i)]) % 3);
    }
  }
  BOOST_TEST(seen.size() == 100u);
  // The same lines for every seed: a model is scored on what it has not seen.
  manual_seed(77);
  BOOST_TEST(raw_column(datasets::load(name, Split::test), 0) == raw_column(test, 0), boost::test_tools::per_element());
  manual_seed(0);
  BOOST_TEST(datasets::load(name + "&test=0.5", Split::test).size() == 50);
  for (const char* part : {"0", "1", "-1", "2"}) {
    BOOST_CHECK_EXCEPTION(datasets::load(name + "&test=" + part, Split::test), ConfigError,
                          speaks_of(name, "test", "between 0 and 1"));
  }
  BOOST_CHECK_EXCEPTION(datasets::load(name + "&test=0.001", Split::test), DataError, speaks_of(name, "100"));
}

BOOST_AUTO_TEST_CASE(columns_are_standardised_by_the_training_part) {
  const TemporaryFolder folder;
  write_plain(folder / "t.csv", table(100));
  const std::string name = "csv:" + (folder / "t.csv").string() + "?delimiter=;&label=kind";
  for (const Input input : {Input::unit, Input::centred, Input::standardised}) {
    const auto train = datasets::load(name, Split::train, {.input = input});
    const auto test = datasets::load(name, Split::test, {.input = input});
    const Standardisation columns = fit(train);
    for (const auto* part : {&train, &test}) {
      const Tensor expected = columns.apply(inputs_of(part->as_saved())), found = inputs_of(*part);
      BOOST_CHECK(std::ranges::equal(found.elements(), expected.elements()));
      BOOST_TEST(part->metadata().input_normalisation == "none");
      BOOST_TEST(part->metadata().input.scale.size() == 3);
    }
    const std::string as_they_are = name + "&standardise=no";
    const auto plain = datasets::load(as_they_are, Split::train, {.input = input});
    BOOST_TEST(plain.metadata().input.offset.empty() == (input == Input::unit));
    BOOST_TEST(plain.metadata().input.scale.empty() == (input != Input::standardised));
  }
  BOOST_CHECK_EXCEPTION(datasets::load(name, Split::train, {.input = Input::symmetric}), ConfigError,
                        speaks_of(name, "symmetric", "images"));
}

BOOST_AUTO_TEST_CASE(a_test_file_or_a_folder) {
  const TemporaryFolder folder;
  write_plain(folder / "train.csv", table(30));
  write_plain(folder / "test.csv", table(6));
  write_plain(folder / "test.csv.gz", "never looked at");
  write_plain(folder / "other.csv.gz", test::gzip(table(9)));
  const std::string path = folder.path().string(), options = "?delimiter=;&label=kind";
  BOOST_TEST(datasets::load("csv:" + path + options, Split::train).size() == 30);
  BOOST_TEST(datasets::load("csv:" + path + options, Split::test).size() == 6);
  BOOST_TEST(datasets::load("csv:" + path + "/train.csv" + options + "&test=other.csv.gz", Split::test).size() == 9);
  refused("csv:" + path + options + "&test=other.csv.gz", "test", "train.csv and test.csv");
  std::filesystem::remove(folder / "test.csv");
  std::filesystem::remove(folder / "test.csv.gz");
  refused("csv:" + path + options, "test.csv", "No such file");
  write_plain(folder / "test.csv", "x;z;kind;y\n");
  refused("csv:" + path + options, "test.csv", "none");
  write_plain(folder / "test.csv", "x;kind;y\n1;a;2\n");
  refused("csv:" + path + options, "test.csv", "columns x, z, y", "found x, y");
}

BOOST_AUTO_TEST_CASE(missing_numbers_are_the_training_parts_means) {
  const TemporaryFolder folder;
  std::string text = "x,kind\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("{},{}\n", i % 4 > 1 ? "" : fmt::format("{}.5", i), i % 2);
  write_plain(folder / "t.csv", text);
  const std::string name = "csv:" + (folder / "t.csv").string();
  BOOST_CHECK_THROW(datasets::load(name, Split::train), DataError);
  const auto train = datasets::load(name + "?missing=mean", Split::train);
  const auto test = datasets::load(name + "?missing=mean", Split::test);
  const auto given = [](float x) { return std::fmod(x, 4.f) == 0.5f || std::fmod(x, 4.f) == 1.5f; };
  double sum = 0;
  int count = 0;
  for (const float x : raw_column(train, 0)) {
    if (!given(x)) continue;
    sum += x;
    ++count;
  }
  const auto mean = static_cast<float>(sum / count);
  BOOST_REQUIRE(!given(mean));
  BOOST_TEST(count < train.size());
  for (const auto* part : {&train, &test}) {
    for (const float x : raw_column(*part, 0)) BOOST_TEST((given(x) || std::abs(x - mean) < 1e-4f));
  }
  const auto filled = raw_column(datasets::load(name + "?missing=-5", Split::train), 0);
  BOOST_TEST(std::ranges::count(filled, -5.f) == train.size() - count);
}

BOOST_AUTO_TEST_CASE(numbers_to_predict) {
  const TemporaryFolder folder;
  write_plain(folder / "t.csv", table(50));
  const std::string name = "csv:" + (folder / "t.csv").string() + "?delimiter=;&ignore=kind";
  const auto train = datasets::load_regression(name, Split::train);
  BOOST_TEST(train.outputs() == 1);
  const Tensor targets = train.targets();
  for (std::int64_t i = 0; i < train.size(); ++i) {
    BOOST_TEST(targets.data()[i] == 2 * raw_column(train, 0)[static_cast<std::size_t>(i)]);
  }
  const auto both = datasets::load_regression(name + "&label=z,y", Split::test);
  BOOST_TEST(both.outputs() == 2);
  BOOST_TEST(both.features() == 1);
}

BOOST_AUTO_TEST_CASE(options_that_are_wrong) {
  const TemporaryFolder folder;
  write_plain(folder / "t.csv", table(50));
  const std::string name = "csv:" + (folder / "t.csv").string() + "?label=kind&";
  refused(name + "delimiter=;&lable=x", "lable", "label, delimiter, header, missing, ignore, test, standardise");
  refused(name + "delimiter=;;", "delimiter", "one character");
  refused(name + "delimiter=;&header=maybe", "header", "yes or no", "maybe");
  refused(name + "delimiter=;&standardise=true", "standardise", "yes or no", "true");
  refused(name + "delimiter=;&missing=median", "missing", "median");
  refused(name + "delimiter=;&test=no.csv", "no.csv", "No such file");
  refused(name, "\"kind\"", "label");
  refused("npy:" + folder.path().string() + "?test=0.2", "test", "standardise");
}

BOOST_AUTO_TEST_CASE(tabs_and_escaped_delimiters) {
  const TemporaryFolder folder;
  for (const auto& [option, delimiter] :
       {std::pair<std::string, char>{"tab", '\t'}, {"%09", '\t'}, {"%26", '&'}, {"|", '|'}}) {
    std::string text = table(30);
    std::ranges::replace(text, ';', delimiter);
    write_plain(folder / "t.csv", text);
    BOOST_TEST(
        datasets::load("csv:" + (folder / "t.csv").string() + "?label=kind&delimiter=" + option, Split::train).size() ==
        24);
  }
}

namespace {

/// The four arrays as a folder of .npy and as one file of safetensors.
struct Arrays {
  TemporaryFolder folder;
  std::string npy = "npy:" + folder.path().string();
  std::string file = (folder / "all.safetensors").string();
  std::string safetensors = "safetensors:" + file;

  template <class T>
  void write(const Tensor& train_x, const Array<T>& train_y, const Tensor& test_x, const Array<T>& test_y) const {
    datasets::write_npy(folder / "train_inputs.npy", train_x);
    datasets::write_npy(folder / "train_targets.npy", train_y);
    datasets::write_npy(folder / "test_inputs.npy", test_x);
    datasets::write_npy(folder / "test_targets.npy", test_y);
    Safetensors content{.tensors = {{"train_inputs", train_x}, {"test_inputs", test_x}}};
    if constexpr (std::same_as<T, float>) {
      content.tensors.insert({{"train_targets", train_y}, {"test_targets", test_y}});
    } else {
      content.indices.insert({{"train_targets", train_y}, {"test_targets", test_y}});
    }
    write_safetensors(file, content);
  }
  template <class... Parts>
  void both_are_refused(Parts... parts) const {
    for (const std::string& name : {npy, safetensors}) refused(name, parts...);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(arrays_of_classes_and_of_numbers) {
  const Arrays arrays;
  Tensor x({6, 2, 2});
  std::iota(x.mutable_data(), x.mutable_data() + 24, 0.f);
  arrays.write(x, Indices({6}, {0, 1, 0, 1, 0, 1}), Tensor({2, 4}, 7.f), Indices({2}, {2, 0}));
  for (const std::string& name : {arrays.npy, arrays.safetensors}) {
    const auto train = datasets::load(name, Split::train), test = datasets::load(name, Split::test);
    BOOST_TEST(train.size() == 6);
    BOOST_TEST(train.classes() == 3);  // one is in the test part only
    BOOST_TEST(test.classes() == 3);
    BOOST_CHECK((inputs_of(train).shape() == Shape{6, 4}));  // rows, whatever the file's shape
    BOOST_TEST(raw_column(train, 3)[1] == 7.f);
    BOOST_TEST(train.metadata().input.offset.data()[0] == 10.f);
    BOOST_TEST(datasets::load(name + "?standardise=no", Split::train).metadata().input.identity());
    BOOST_TEST(datasets::load_regression(name, Split::test).targets().data()[0] == 2.f);
  }
  arrays.write(x, Tensor({6, 2}, 1.f), Tensor({2, 4}, 7.f), Tensor({2, 2}, 2.f));
  for (const std::string& name : {arrays.npy, arrays.safetensors}) {
    BOOST_TEST(datasets::load_regression(name, Split::train).outputs() == 2);
    refused(name, "integers");
  }
}

BOOST_AUTO_TEST_CASE(arrays_that_do_not_fit) {
  const Arrays arrays;
  arrays.both_are_refused(arrays.folder.path().string());
  const Indices two({2}, 0), three({3}, 0);
  const Tensor x2({2, 4}, 1.f), x3({3, 4}, 1.f);
  arrays.write(x3, two, x2, two);
  arrays.both_are_refused("train_targets", "[3, 4]", "[2]");
  arrays.write(x3, three, Tensor({2, 5}, 1.f), two);
  arrays.both_are_refused("[3, 4]", "[2, 5]");
  arrays.write(Tensor(Shape{0, 4}), Indices(Shape{0}), x2, two);
  arrays.both_are_refused("at least one sample", "train_inputs");
  arrays.write(x3, three, Tensor(Shape{0, 4}), Indices(Shape{0}));
  arrays.both_are_refused("at least one sample", "test_inputs");
  arrays.write(x3, Indices({3}, -1), x2, two);
  arrays.both_are_refused("classes from 0", "-1");
  arrays.write(x3, Indices({3, 1}, 0), x2, Indices({2, 1}, 0));
  arrays.both_are_refused("one class", "[3, 1]");
  arrays.write(x3, three, x2, two);
  std::filesystem::remove(arrays.folder / "test_targets.npy");
  refused(arrays.npy, "train_inputs.npy, train_targets.npy, test_inputs.npy and test_targets.npy",
          "no test_targets.npy");
}

BOOST_AUTO_TEST_SUITE_END()
