// What an experiment measures, and how that is called, shown and judged. Tables, pages, curves, `--expect` and the
// progress display all follow from it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/experiments/harness/result.hpp>

namespace canopy::harness {

/// Which way a metric is better: what "best" of several seeds means.
enum class Better { higher, lower, neither };

/// How one number of a result, or of timing.json, is called, shown and judged.
struct Metric {
  std::string name;        ///< in result.json, `--expect` and `report --json`: such as "rmse"
  std::string title = {};  ///< in headings; empty: the name
  std::string unit = {};   ///< after the title, such as "%"
  int digits = 2;          ///< after the point
  Better better = Better::higher;
  bool main = false;    ///< one of the numbers that the experiment is about: Markdown has its best and its interval
  bool whole = false;   ///< a count: the digits are for means only
  std::string of = {};  ///< the metric that it is a part of: "11/16"
  bool timed = false;   ///< measured after the grid, in timing.json instead of result.json
  std::optional<int> paper_digits = {};  ///< after the point of the paper's numbers; none: as ours
};

/// "RMSE m"
std::string heading(const Metric& metric);

/// Something that a reader must know of a result, such as that its tree decides nothing.
struct Remark {
  std::string word;         ///< in capitals; `field_of` it is the field of `report --json` that counts the seeds
  std::string explanation;  ///< goes on after "WORD: " under the table
  std::function<bool(const Result&)> applies;
};

/// A column of metrics.csv as a line of a chart; a metric of the same name says how it is called.
struct Curve {
  std::string column;
  bool dashed = false;  ///< thin and dashed, in the colour of the solid one
};

/// Figures of some columns of metrics.csv, against epochs or steps and against seconds: for each cell the mean of the
/// seeds in the band between their least and their largest.
struct Chart {
  std::string name;       ///< of the files and of the axis, such as "error"
  std::string unit = {};  ///< of the axis
  std::vector<Curve> curves;
  std::vector<std::string> figures = {};  ///< labels: a figure for the cells that have these in common
  std::vector<std::string> panels = {};   ///< labels: in it a panel for the cells that have these in common
};

/// "FLAT" as a field: "flat".
std::string field_of(const std::string& word);

struct Measures {
  std::vector<Metric> metrics;  ///< in the order of result.json
  std::vector<Remark> remarks = {};
  std::vector<Chart> charts = {};

  /// How `name` is shown: as its metric says, or by its bare name where none has it.
  Metric metric(std::string_view name) const;
};

/// "epoch 3/20  validation 2.20 m": what a row has reached, with the first main metric among its columns.
std::string reached(const MetricsRow& row, const Measures& measures);

}  // namespace canopy::harness
