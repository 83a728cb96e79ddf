// The tasks of GLUE: sentences, or pairs of them, with a class or a score. https://gluebenchmark.com
//
//   const datasets::GlueTask& task = datasets::parse_glue_name("glue:STS-B");
//   const datasets::GlueData dev = datasets::load_glue(task, datasets::GlueSplit::dev);
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace canopy::datasets {

enum class GlueSplit { train, dev, test };

/// "train", "dev" or "test". Throws ConfigError for another name.
GlueSplit parse_glue_split(std::string_view name);
std::string_view to_string(GlueSplit split);

struct GlueTask {
  std::string_view name;                           ///< as its folder is called, unless `folder` says otherwise: "STS-B"
  bool is_paired;                                  ///< whether a sample is two sentences
  std::vector<std::string_view> classes;           ///< labels as in the files; empty where they are scores from 0 to 5
  std::string_view first, second, label;           ///< the columns' names in the header; second empty unless paired
  std::vector<std::string_view> headless_columns;  ///< of train.tsv and dev.tsv where they have no header
  std::string_view folder = {};                    ///< where another task's files are its own
  std::string_view variant = {};                   ///< "_matched" where dev.tsv is dev_matched.tsv, and so test.tsv
  /// Some lines lack fields, since a line break within a question ended them: they are no samples.
  bool has_broken_lines = false;

  bool is_regression() const { return classes.empty(); }
};

/// The nine: CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI; and MNLI-mm, which is MNLI with its mismatched dev
/// and test sets (genres that the training data has none of) in place of the matched ones.
std::span<const GlueTask> glue_tasks();
/// By its name, in any case of letters. Throws ConfigError, with the known names, for another.
const GlueTask& glue_task(std::string_view name);
/// Of the data set name "glue:TASK". Throws ConfigError for one without "glue:" or with an unknown task.
const GlueTask& parse_glue_name(std::string_view name);

struct GlueData {
  std::vector<std::string> first;
  std::vector<std::string> second;   ///< as many, for paired tasks; else none
  std::vector<std::int32_t> labels;  ///< as many, the position in GlueTask::classes; none of scores or a test split
  std::vector<float> scores;         ///< likewise, of a regression
  std::int64_t broken_lines = 0;     ///< that were left out: see GlueTask::has_broken_lines

  std::int64_t size() const { return static_cast<std::int64_t>(first.size()); }
};

/// Reads FOLDER/train.tsv, dev.tsv or test.tsv (of MNLI dev_matched.tsv and the like), plain or gzipped: fields between
/// tabs as they are, without quoting, lines ended by LF or CRLF, with or without a byte order mark. Test splits have no
/// labels, and none are read. Throws DataError with file and line, what was expected and what was found: a missing
/// file, a header without a column that is needed, a line with more fields, or with fewer unless the task is known for
/// them, a label that is no class, a score that is no number from 0 to 5.
GlueData read_glue(const std::filesystem::path& folder, const GlueTask& task, GlueSplit split);
/// From the folder glue/TASK in `root`: see data_root in catalog.hpp. Throws DataError as read_glue does, and where
/// there is no root.
GlueData load_glue(const GlueTask& task, GlueSplit split, const std::filesystem::path& root = {});

}  // namespace canopy::datasets
