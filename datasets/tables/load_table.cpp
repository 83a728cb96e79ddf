#include <canopy/datasets/tables/load_table.hpp>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/datasets/permutation.hpp>
#include <canopy/datasets/tables/csv.hpp>
#include <canopy/datasets/tables/missing.hpp>
#include <canopy/datasets/tables/npy.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::datasets {
namespace {

namespace fs = std::filesystem;

/// The options of a name, each asked for once.
class Options {
 public:
  Options(const DatasetName& name, std::initializer_list<std::string_view> known) : name_(name) {
    for (const auto& [key, value] : name.options) {
      if (std::ranges::find(known, key) == known.end()) {
        throw ConfigError(fmt::format("data set {}: unknown option \"{}\": expected one of {}", name.full, key,
                                      fmt::join(known, ", ")));
      }
    }
  }

  std::optional<std::string> get(std::string_view key) const {
    const auto found = name_.options.find(key);
    return found == name_.options.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<std::string> list(std::string_view key) const {
    std::vector<std::string> values;
    const std::string text = get(key).value_or("");
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      values.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return values;
  }
  bool yes(std::string_view key, bool otherwise) const {
    const std::optional<std::string> text = get(key);
    if (!text) return otherwise;
    if (*text != "yes" && *text != "no") fail(key, "yes or no");
    return *text == "yes";
  }
  std::optional<double> number(std::string_view key) const {
    const std::string text = get(key).value_or("");
    double value = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && rest == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                      : std::nullopt;
  }
  [[noreturn]] void fail(std::string_view key, std::string_view expected) const {
    throw ConfigError(
        fmt::format("data set {}: {}: expected {}, found \"{}\"", name_.full, key, expected, get(key).value_or("")));
  }

 private:
  const DatasetName& name_;
};

template <class T>
using Parts = std::pair<TensorDataset<T>, TensorDataset<T>>;

template <class T>
void require_samples(const std::string& name, const std::string& where, const Samples<T>& samples) {
  if (samples.inputs.extent(0) == 0) {
    throw DataError(fmt::format("data set {}: expected at least one sample in {}, found none", name, where));
  }
}

CsvOptions csv_options(const Options& options) {
  CsvOptions csv{.labels = options.list("label"), .ignore = options.list("ignore"), .missing = Missing::error};
  if (const auto text = options.get("delimiter")) {
    const std::string delimiter = *text == "tab" || *text == "\\t" ? "\t" : *text;
    if (delimiter.size() != 1) options.fail("delimiter", "one character, or tab");
    csv.delimiter = delimiter.front();
  }
  if (const auto text = options.get("header"); text && *text != "auto") {
    csv.header = options.yes("header", true) ? CsvHeader::yes : CsvHeader::no;
  }
  if (const auto text = options.get("missing"); text && *text != "error") {
    const std::optional<double> value = options.number("missing");
    if (*text != "mean" && !value) options.fail("missing", "error, mean or a number");
    csv.missing = value ? Missing::value : Missing::mean;
    csv.missing_value = static_cast<float>(value.value_or(0));
  }
  return csv;
}

/// Two files of one table.
template <class T>
Parts<T> csv_parts(const DatasetName& name, const fs::path& train, const fs::path& test, const CsvOptions& options) {
  CsvTable<T> training = read_csv<T>(train, options);
  CsvTable<T> testing = read_csv<T>(test, options, &training);
  training.samples.name = testing.samples.name = name.full;
  return {TensorDataset(std::move(training.samples)), TensorDataset(std::move(testing.samples))};
}

/// One file of which a part is held back.
template <class T>
Parts<T> csv_parts(const DatasetName& name, const fs::path& file, double test, CsvOptions options) {
  const bool fill = options.missing == Missing::mean;
  if (fill) options.missing = Missing::keep;
  CsvTable<T> table = read_csv<T>(file, options);
  // Of a seed of its own: every run, whatever its seed, holds back the same samples, as does whoever scores it later.
  RandomStream stream(0, "test part");
  const auto [training, testing] = split_positions(table.samples.inputs.extent(0), 1 - test, stream);
  if (training.empty() || testing.empty()) {
    throw DataError(
        fmt::format("data set {}: expected enough lines to hold back the part {} for testing, found {} in {}",
                    name.full, test, table.samples.inputs.extent(0), file.string()));
  }
  if (fill)
    fill_missing(table.samples.inputs, means_of_present(table.samples.inputs, training, file.string(), table.columns));
  table.samples.name = name.full;
  const TensorDataset<T> all(std::move(table.samples));
  return {all.subset(training), all.subset(testing)};
}

template <class T>
Parts<T> csv_parts(const DatasetName& name, const Options& options) {
  const fs::path path = name.path;
  const CsvOptions csv = csv_options(options);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (options.get("test")) options.fail("test", "nothing beside a folder, which holds train.csv and test.csv");
    const auto file = [&](const char* stem) {
      const fs::path plain = path / fmt::format("{}.csv", stem), packed = path / fmt::format("{}.csv.gz", stem);
      std::error_code unreadable;
      return !fs::exists(plain, unreadable) && fs::exists(packed, unreadable) ? packed : plain;
    };
    return csv_parts<T>(name, file("train"), file("test"), csv);
  }
  if (options.get("test") && !options.number("test")) {
    return csv_parts<T>(name, path, path.parent_path() / *options.get("test"), csv);
  }
  constexpr double fifth = 0.2;
  const double test = options.number("test").value_or(fifth);
  if (!(test > 0 && test < 1)) options.fail("test", "a part between 0 and 1, or a file beside this one");
  return csv_parts<T>(name, path, test, csv);
}

/// Arrays by name, whoever holds them.
class ArrayFolder {
 public:
  explicit ArrayFolder(fs::path folder) : folder_(std::move(folder)) {}
  std::string where(const std::string& name) const { return path(name).string(); }
  Tensor floats(const std::string& name) const { return read_npy(path(name)); }
  Indices integers(const std::string& name) const { return read_npy_indices(path(name)); }

 private:
  fs::path path(const std::string& name) const {
    fs::path file = folder_ / fmt::format("{}.npy", name);
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
      throw DataError(fmt::format(
          "{}: expected train_inputs.npy, train_targets.npy, test_inputs.npy and test_targets.npy, found no {}.npy",
          folder_.string(), name));
    }
    return file;
  }

  fs::path folder_;
};

class ArrayFile {
 public:
  explicit ArrayFile(const fs::path& path) : file_(path.string()) {
    failing_as<DataError>(path, [&] { content_ = read_safetensors(path); });
  }
  std::string where(const std::string& name) const { return fmt::format("{}: {}", file_, name); }
  Tensor floats(const std::string& name) const {
    if (const auto found = content_.tensors.find(name); found != content_.tensors.end()) return found->second;
    const Indices integers = find(content_.indices, name, "a tensor");
    Tensor values(integers.shape());
    std::ranges::transform(integers.elements(), values.mutable_data(), [](auto v) { return static_cast<float>(v); });
    return values;
  }
  Indices integers(const std::string& name) const { return find(content_.indices, name, "integers"); }

 private:
  Indices find(const std::map<std::string, Indices>& arrays, const std::string& name, const char* kind) const {
    const auto found = arrays.find(name);
    if (found != arrays.end()) return found->second;
    throw DataError(
        fmt::format("{}: expected train_inputs, train_targets, test_inputs and test_targets, found no {} named {}",
                    file_, kind, name));
  }

  std::string file_;
  Safetensors content_;
};

template <class T, class Arrays>
Samples<T> samples_of(const DatasetName& name, const Arrays& arrays, const std::string& part) {
  Samples<T> samples{.name = name.full, .inputs = arrays.floats(part + "_inputs")};
  const std::string targets = part + "_targets";
  if constexpr (std::same_as<T, float>) {
    samples.targets = arrays.floats(targets);
  } else {
    samples.targets = arrays.integers(targets);
    const auto negative = std::ranges::find_if(samples.targets.elements(), [](auto label) { return label < 0; });
    if (negative != samples.targets.elements().end()) {
      throw DataError(fmt::format("{}: expected classes from 0 on, found {}", arrays.where(targets), *negative));
    }
  }
  const Shape& shape = samples.inputs.shape();
  if (shape.rank() < 1 || samples.targets.rank() < 1 || shape[0] != samples.targets.extent(0)) {
    throw DataError(fmt::format("{}: expected targets for the {} of the inputs, found {}", arrays.where(targets),
                                shape.to_string(), samples.targets.shape().to_string()));
  }
  require_samples(name.full, arrays.where(part + "_inputs"), samples);
  samples.inputs = samples.inputs.reshape({shape[0], shape.size() / shape[0]});
  return samples;
}

template <class T, class Arrays>
Parts<T> array_parts(const DatasetName& name, const Arrays& arrays) {
  Samples<T> train = samples_of<T>(name, arrays, "train"), test = samples_of<T>(name, arrays, "test");
  if (train.inputs.extent(1) != test.inputs.extent(1) ||
      train.targets.shape().without(0) != test.targets.shape().without(0)) {
    throw DataError(
        fmt::format("data set {}: expected test samples like those for training, found inputs {} and {}, "
                    "targets {} and {}",
                    name.full, train.inputs.shape().to_string(), test.inputs.shape().to_string(),
                    train.targets.shape().to_string(), test.targets.shape().to_string()));
  }
  if constexpr (std::same_as<T, std::int32_t>) {
    if (train.targets.rank() != 1) {
      throw DataError(fmt::format("{}: expected one class for each sample, found the shape {}",
                                  arrays.where("train_targets"), train.targets.shape().to_string()));
    }
    for (const Samples<T>* part : {&train, &test}) {
      train.classes = std::max<std::int64_t>(train.classes, *std::ranges::max_element(part->targets.elements()) + 1);
    }
    test.classes = train.classes;
  }
  return {TensorDataset(std::move(train)), TensorDataset(std::move(test))};
}

template <class T>
Parts<T> read_parts(const DatasetName& name, bool& standardise) {
  if (name.kind == "csv") {
    const Options options(name, {"label", "delimiter", "header", "missing", "ignore", "test", "standardise"});
    standardise = options.yes("standardise", true);
    return csv_parts<T>(name, options);
  }
  const Options options(name, {"standardise"});
  standardise = options.yes("standardise", true);
  if (name.kind == "npy") return array_parts<T>(name, ArrayFolder(name.path));
  return array_parts<T>(name, ArrayFile(name.path));
}

}  // namespace

template <class T>
std::pair<TensorDataset<T>, TensorDataset<T>> load_table(const DatasetName& name, Input input) {
  bool standardise = true;
  const auto [train, test] =
      failing_as<DataError>("data set " + name.full, [&] { return read_parts<T>(name, standardise); });
  if (input == Input::symmetric) {
    throw ConfigError(
        fmt::format("data set {}: the input symmetric is one of images: a table has unit, centred or "
                    "standardised",
                    name.full));
  }
  if (!standardise && input == Input::unit) return {train, test};
  Standardisation columns = fit(train);
  if (!standardise && input == Input::centred) columns.scale = {};
  return {train.standardised(columns), test.standardised(columns)};
}

template std::pair<RegressionDataset, RegressionDataset> load_table(const DatasetName&, Input);
template std::pair<ClassificationDataset, ClassificationDataset> load_table(const DatasetName&, Input);

}  // namespace canopy::datasets
