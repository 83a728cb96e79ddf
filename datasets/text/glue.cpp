#include <canopy/datasets/text/glue.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/catalog.hpp>
#include <canopy/datasets/gzip.hpp>
#include <canopy/datasets/text/lines.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::datasets {
namespace {

namespace fs = std::filesystem;
using Fields = std::vector<std::string_view>;

constexpr std::string_view utf8_mark = "\xef\xbb\xbf", prefix = "glue:";
constexpr float highest_score = 5;

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

void split_fields(std::string_view line, Fields& fields) {
  fields.clear();
  for (std::size_t begin = 0;;) {
    const std::size_t end = line.find('\t', begin);
    fields.push_back(line.substr(begin, end - begin));
    if (end == std::string_view::npos) return;
    begin = end + 1;
  }
}

/// The lines of one file.
class GlueFile {
 public:
  explicit GlueFile(const fs::path& file) : name_(file.string()), content_(read_plain_or_gzip(file)), lines_(text()) {}
  GlueFile(const GlueFile&) = delete;
  GlueFile& operator=(const GlueFile&) = delete;

  void read_header() {
    if (!lines_.next()) throw DataError(fmt::format("{}: expected a line with the columns' names, found none", name_));
    split_fields(lines_.line(), columns_);
  }
  void set_header(Fields columns) { columns_ = std::move(columns); }
  std::size_t column(std::string_view name) const {
    const auto found = std::ranges::find(columns_, name);
    if (found != columns_.end()) return static_cast<std::size_t>(found - columns_.begin());
    throw DataError(fmt::format("{}: line 1: expected a column '{}' among those between tabs, found '{}'", name_, name,
                                fmt::join(columns_, "', '")));
  }
  bool next() {
    if (!lines_.next()) return false;
    split_fields(lines_.line(), fields_);
    return true;
  }
  bool lacks_fields() const { return fields_.size() < columns_.size(); }
  void check_fields() const {
    if (fields_.size() == columns_.size()) return;
    fail(fmt::format("expected {} fields between tabs, found {}", columns_.size(), fields_.size()));
  }
  std::string_view operator[](std::size_t column) const { return fields_[column]; }
  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(fmt::format("{}: line {}: {}", name_, lines_.number(), what));
  }

 private:
  std::string_view text() const {
    const std::string_view text = content_;
    return text.starts_with(utf8_mark) ? text.substr(utf8_mark.size()) : text;
  }

  std::string name_, content_;
  Lines lines_;
  Fields columns_, fields_;
};

std::int32_t class_of(const GlueFile& file, std::string_view text, const std::vector<std::string_view>& classes) {
  const auto found = std::ranges::find(classes, text);
  if (found == classes.end()) {
    file.fail(fmt::format("expected a label, one of {}, found '{}'", fmt::join(classes, ", "), text));
  }
  return static_cast<std::int32_t>(found - classes.begin());
}

float score_of(const GlueFile& file, std::string_view text) {
  float score = 0;
  const char* end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, score);
  if (error != std::errc() || parsed != end || !(score >= 0 && score <= highest_score)) {
    file.fail(fmt::format("expected a score from 0 to {}, found '{}'", highest_score, text));
  }
  return score;
}

std::string file_name(const GlueTask& task, GlueSplit split) {
  return fmt::format("{}{}.tsv", to_string(split), split == GlueSplit::train ? "" : task.variant);
}

/// As it is, or with ".gz" where that alone is there.
fs::path plain_or_gzipped(const fs::path& file) {
  fs::path gzipped = file;
  gzipped += ".gz";
  return failing_as<DataError>(file, [&] { return !file_exists(file) && file_exists(gzipped) ? gzipped : file; });
}

}  // namespace

GlueSplit parse_glue_split(std::string_view name) {
  for (const GlueSplit split : {GlueSplit::train, GlueSplit::dev, GlueSplit::test}) {
    if (name == to_string(split)) return split;
  }
  throw ConfigError(fmt::format("split of GLUE: expected train, dev or test, not '{}'", name));
}

std::string_view to_string(GlueSplit split) {
  return split == GlueSplit::train ? "train" : split == GlueSplit::dev ? "dev" : "test";
}

std::span<const GlueTask> glue_tasks() {
  static const std::vector<std::string_view> binary = {"0", "1"}, entailment = {"entailment", "not_entailment"},
                                             inference = {"entailment", "neutral", "contradiction"};
  static const std::vector<GlueTask> tasks = {
      {"CoLA", false, binary, "sentence", "", "label", {"source", "label", "author", "sentence"}},
      {"SST-2", false, binary, "sentence", "", "label", {}},
      {"MRPC", true, binary, "#1 String", "#2 String", "Quality", {}},
      {"STS-B", true, {}, "sentence1", "sentence2", "score", {}},
      {"QQP", true, binary, "question1", "question2", "is_duplicate", {}, "QQP", "", true},
      {"MNLI", true, inference, "sentence1", "sentence2", "gold_label", {}, "MNLI", "_matched"},
      {"MNLI-mm", true, inference, "sentence1", "sentence2", "gold_label", {}, "MNLI", "_mismatched"},
      {"QNLI", true, entailment, "question", "sentence", "label", {}},
      {"RTE", true, entailment, "sentence1", "sentence2", "label", {}},
      {"WNLI", true, binary, "sentence1", "sentence2", "label", {}},
  };
  return tasks;
}

const GlueTask& glue_task(std::string_view name) {
  std::vector<std::string_view> names;
  for (const GlueTask& task : glue_tasks()) {
    if (lowered(task.name) == lowered(name)) return task;
    names.push_back(task.name);
  }
  throw ConfigError(fmt::format("task of GLUE: expected one of {}, not '{}'", fmt::join(names, ", "), name));
}

const GlueTask& parse_glue_name(std::string_view name) {
  if (!name.starts_with(prefix)) throw ConfigError(fmt::format("data set {}: expected glue:TASK", name));
  return glue_task(name.substr(prefix.size()));
}

GlueData read_glue(const fs::path& folder, const GlueTask& task, GlueSplit split) {
  GlueFile file(plain_or_gzipped(folder / file_name(task, split)));
  const bool is_labelled = split != GlueSplit::test;
  if (is_labelled && !task.headless_columns.empty()) {
    file.set_header(task.headless_columns);
  } else {
    file.read_header();
  }
  const std::size_t first = file.column(task.first);
  const std::size_t second = task.is_paired ? file.column(task.second) : 0;
  const std::size_t label = is_labelled ? file.column(task.label) : 0;
  GlueData data;
  while (file.next()) {
    if (task.has_broken_lines && file.lacks_fields()) {
      ++data.broken_lines;
      continue;
    }
    file.check_fields();
    data.first.emplace_back(file[first]);
    if (task.is_paired) data.second.emplace_back(file[second]);
    if (!is_labelled) continue;
    if (task.is_regression()) {
      data.scores.push_back(score_of(file, file[label]));
    } else {
      data.labels.push_back(class_of(file, file[label], task.classes));
    }
  }
  return data;
}

GlueData load_glue(const GlueTask& task, GlueSplit split, const fs::path& root) {
  const fs::path folder = data_root(root);
  const std::string_view task_folder = task.folder.empty() ? task.name : task.folder;
  if (folder.empty()) {
    throw DataError(fmt::format("glue:{}: no folder of data sets: set CANOPY_DATA to one that holds glue/{}", task.name,
                                task_folder));
  }
  return read_glue(folder / "glue" / task_folder, task, split);
}

}  // namespace canopy::datasets
