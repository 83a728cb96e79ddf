#include <canopy/datasets/tables/csv.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/datasets/tables/csv_reader.hpp>
#include <canopy/datasets/tables/missing.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::datasets {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_missing(std::string_view text) {
  std::string lower(trimmed(text));
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view marks[] = {"", "na", "n/a", "nan", "null", "none", "?"};
  return std::ranges::find(marks, lower) != std::end(marks);
}

/// The whole text as a finite number of float's range.
std::optional<float> number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  const auto rounded = static_cast<float>(value);
  return std::isfinite(rounded) ? std::optional(rounded) : std::nullopt;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && rest == text.data() + text.size() && !text.empty() ? std::optional(value)
                                                                                    : std::nullopt;
}

/// A record that outlives the reader's next one.
struct Record {
  std::int64_t line = 0;
  std::vector<std::string> fields;
};

bool is_header(const Record& first, const std::optional<Record>& second, CsvHeader header) {
  if (header != CsvHeader::automatic) return header == CsvHeader::yes;
  const auto is_word = [](const std::string& text) { return !is_missing(text) && !number(text); };
  const std::size_t columns = second ? std::min(first.fields.size(), second->fields.size()) : 0;
  for (std::size_t j = 0; j < columns; ++j) {
    if (is_word(first.fields[j]) && number(second->fields[j])) return true;
  }
  return std::ranges::none_of(first.fields, [](const std::string& text) { return number(text).has_value(); });
}

/// The classes in order, each with the number by which it was first seen.
std::vector<std::pair<std::string, std::int32_t>> in_order(
    const std::map<std::string, std::int32_t, std::less<>>& seen) {
  std::vector<std::pair<std::string, std::int32_t>> classes(seen.begin(), seen.end());
  const auto whole = [](const auto& named) { return whole_number(named.first); };
  if (std::ranges::all_of(classes, [&](const auto& named) { return whole(named).has_value(); })) {
    std::ranges::stable_sort(classes, {}, [&](const auto& named) { return *whole(named); });
  }
  return classes;
}

template <class T>
class Parser {
 public:
  Parser(const std::filesystem::path& path, const CsvOptions& options, const CsvTable<T>* training)
      : reader_(path, options.delimiter), options_(options), training_(training) {}

  CsvTable<T> parse() {
    const std::optional<Record> first = read_record();
    if (!first) throw DataError(fmt::format("{}: expected lines of numbers, found none", reader_.file()));
    const std::optional<Record> second = read_record();
    const bool header = is_header(*first, second, options_.header);
    choose_columns(first->fields, header);
    if (training_) prepare_classes();
    if (!header) parse_record(*first);
    if (second) parse_record(*second);
    while (reader_.next()) parse_fields(reader_.line(), reader_.fields());
    if (rows_ == 0)
      throw DataError(fmt::format("{}: expected lines of numbers after the header, found none", reader_.file()));
    return finish();
  }

 private:
  std::optional<Record> read_record() {
    if (!reader_.next()) return std::nullopt;
    return Record{reader_.line(), {reader_.fields().begin(), reader_.fields().end()}};
  }

  void choose_columns(const std::vector<std::string>& fields, bool header) {
    for (std::size_t j = 0; j < fields.size(); ++j) {
      names_.push_back(header ? std::string(trimmed(fields[j])) : fmt::format("{}", j));
    }
    labels_ = find_columns(options_.labels, "label");
    if (labels_.empty()) labels_.push_back(names_.size() - 1);
    if (std::same_as<T, std::int32_t> && labels_.size() != 1) {
      throw ConfigError(
          fmt::format("{}: expected one column of classes, found {} named", reader_.file(), labels_.size()));
    }
    const std::vector<std::size_t> ignored = find_columns(options_.ignore, "ignore");
    for (std::size_t j = 0; j < names_.size(); ++j) {
      const bool input =
          std::ranges::find(labels_, j) == labels_.end() && std::ranges::find(ignored, j) == ignored.end();
      if (input) inputs_.push_back(j);
    }
    if (inputs_.empty()) {
      throw DataError(
          fmt::format("{}: expected columns of inputs beside that of labels, found {} in all: is it "
                      "delimited by '{}'?",
                      reader_.file(), names_.size(), options_.delimiter));
    }
    for (const std::size_t j : inputs_) columns_.push_back(names_[j]);
    if (training_ && columns_ != training_->columns) {
      throw DataError(fmt::format("{}: expected the training part's columns {}, found {}", reader_.file(),
                                  fmt::join(training_->columns, ", "), fmt::join(columns_, ", ")));
    }
  }

  /// By name, else by position.
  std::vector<std::size_t> find_columns(const std::vector<std::string>& wanted, const char* option) const {
    std::vector<std::size_t> found;
    for (const std::string& name : wanted) {
      const auto count = std::ranges::count(names_, name);
      const std::optional<std::int64_t> position = whole_number(name);
      const auto columns = static_cast<std::int64_t>(names_.size());
      if (count == 1) {
        found.push_back(static_cast<std::size_t>(std::ranges::find(names_, name) - names_.begin()));
      } else if (count == 0 && position && *position >= -columns && *position < columns) {
        found.push_back(static_cast<std::size_t>(*position < 0 ? *position + columns : *position));
      } else {
        throw ConfigError(fmt::format("{}: {}: expected a column of {}, or a position from 0, found \"{}\"{}",
                                      reader_.file(), option, fmt::join(names_, ", "), name,
                                      count > 1 ? ", the name of several" : ""));
      }
    }
    return found;
  }

  void prepare_classes() {
    for (std::size_t i = 0; i < training_->samples.class_names.size(); ++i) {
      classes_.emplace(training_->samples.class_names[i], static_cast<std::int32_t>(i));
    }
  }

  void parse_record(const Record& record) {
    const std::vector<std::string_view> fields(record.fields.begin(), record.fields.end());
    parse_fields(record.line, fields);
  }

  void parse_fields(std::int64_t line, std::span<const std::string_view> fields) {
    if (fields.size() != names_.size()) {
      throw DataError(fmt::format("{}: line {}: expected {} fields as in the first line, found {}", reader_.file(),
                                  line, names_.size(), fields.size()));
    }
    for (const std::size_t j : inputs_) values_.push_back(input(line, j, fields[j]));
    for (const std::size_t j : labels_) targets_.push_back(target(line, j, fields[j]));
    ++rows_;
  }

  float input(std::int64_t line, std::size_t column, std::string_view text) const {
    if (const std::optional<float> value = number(text)) return *value;
    if (!is_missing(text)) {
      fail(line, column, "a number", text,
           fmt::format(": a column of words can be left out by ignore={}, or written as numbers", names_[column]));
    }
    if (options_.missing == Missing::error) {
      fail(line, column, "a number", text, ": say missing=mean or a number for it, or ignore the column");
    }
    return options_.missing == Missing::value ? options_.missing_value : std::numeric_limits<float>::quiet_NaN();
  }

  T target(std::int64_t line, std::size_t column, std::string_view text) {
    if constexpr (std::same_as<T, float>) {
      const std::optional<float> value = number(text);
      if (!value) fail(line, column, "a number to predict", text, "");
      return *value;
    } else {
      text = trimmed(text);
      if (is_missing(text)) fail(line, column, "the name of a class", text, "");
      const auto found = classes_.find(text);
      if (found != classes_.end()) return found->second;
      if (training_) {
        fail(line, column,
             fmt::format("a class of the training part ({})", fmt::join(training_->samples.class_names, ", ")), text,
             "");
      }
      const auto number = static_cast<std::int32_t>(classes_.size());
      classes_.emplace(text, number);
      return number;
    }
  }

  [[noreturn]] void fail(std::int64_t line, std::size_t column, const std::string& expected, std::string_view found,
                         const std::string& advice) const {
    constexpr std::size_t longest = 40;
    throw DataError(fmt::format("{}: line {}, column \"{}\": expected {}, found \"{}\"{}", reader_.file(), line,
                                names_[column], expected, found.substr(0, longest), advice));
  }

  CsvTable<T> finish() {
    CsvTable<T> table;
    table.columns = columns_;
    table.samples.name = reader_.file();
    table.samples.inputs = Tensor({rows_, static_cast<std::int64_t>(inputs_.size())}, values_);
    if (options_.missing == Missing::mean) fill(table);
    if constexpr (std::same_as<T, float>) {
      const auto outputs = static_cast<std::int64_t>(labels_.size());
      table.samples.targets = Tensor(outputs == 1 ? Shape{rows_} : Shape{rows_, outputs}, targets_);
    } else if (training_) {
      table.samples.targets = Indices({rows_}, targets_);
      table.samples.class_names = training_->samples.class_names;
    } else {
      number_classes(table.samples);
    }
    table.samples.classes = static_cast<std::int64_t>(table.samples.class_names.size());
    return table;
  }

  void fill(CsvTable<T>& table) const {
    if (training_) {
      table.means = training_->means;
    } else {
      std::vector<std::int64_t> all(static_cast<std::size_t>(rows_));
      std::iota(all.begin(), all.end(), 0);
      table.means = means_of_present(table.samples.inputs, all, reader_.file(), columns_);
    }
    fill_missing(table.samples.inputs, table.means);
  }

  void number_classes(Samples<std::int32_t>& samples) {
    constexpr std::int64_t few = 20;
    if (rows_ >= few && 2 * static_cast<std::int64_t>(classes_.size()) > rows_) {
      throw DataError(
          fmt::format("{}: column \"{}\": expected classes, found {} different values in {} lines: are these "
                      "numbers to predict, or is another column the label?",
                      reader_.file(), names_[labels_.front()], classes_.size(), rows_));
    }
    std::vector<std::int32_t> places(classes_.size());
    for (const auto& [name, first_seen] : in_order(classes_)) {
      places[static_cast<std::size_t>(first_seen)] = static_cast<std::int32_t>(samples.class_names.size());
      samples.class_names.push_back(name);
    }
    samples.targets = Indices({rows_});
    std::ranges::transform(targets_, samples.targets.mutable_data(),
                           [&](T first_seen) { return places[static_cast<std::size_t>(first_seen)]; });
  }

  CsvReader reader_;
  const CsvOptions& options_;
  const CsvTable<T>* training_;
  std::vector<std::string> names_;  // of all columns
  std::vector<std::size_t> inputs_;
  std::vector<std::size_t> labels_;
  std::vector<std::string> columns_;  // names of the inputs'
  std::map<std::string, std::int32_t, std::less<>> classes_;
  std::vector<float> values_;
  std::vector<T> targets_;
  std::int64_t rows_ = 0;
};

}  // namespace

template <class T>
CsvTable<T> read_csv(const std::filesystem::path& path, const CsvOptions& options, const CsvTable<T>* training) {
  return failing_as<DataError>(path, [&] { return Parser<T>(path, options, training).parse(); });
}

template CsvTable<float> read_csv(const std::filesystem::path&, const CsvOptions&, const CsvTable<float>*);
template CsvTable<std::int32_t> read_csv(const std::filesystem::path&, const CsvOptions&,
                                         const CsvTable<std::int32_t>*);

}  // namespace canopy::datasets
