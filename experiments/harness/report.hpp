// What a run directory holds, as rows by cell; the tables, the page, the figures and `--json` all read these rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

namespace canopy::harness {

/// A metric over the seeds of a cell. What there are too few seeds for is none.
struct Statistic {
  std::optional<double> mean = {};
  std::optional<double> sd = {};    ///< of the sample
  std::optional<double> best = {};  ///< as the metric says; none where neither way is better
  std::optional<double> low = {};   ///< the 95 % interval of the mean by Student's t
  std::optional<double> high = {};
  std::int64_t seeds = 0;            ///< that have a value
  std::optional<double> paper = {};  ///< where the paper has a number
};

struct SeedError {
  std::int64_t seed = 0;
  std::string error;
};

/// How many seeds of a cell a remark applies to.
struct RemarkCount {
  std::string word;
  std::int64_t seeds = 0;
};

struct ReportRow {
  Cell cell;
  std::string status;  ///< "done", "incomplete" or "failed"
  std::int64_t seeds_done = 0;
  std::vector<RemarkCount> remarks = {};  ///< for each of the report's, in its order
  std::string noise = {};                 ///< why a time of this cell or of its baseline is noisy; empty: none is
  std::vector<SeedError> errors = {};
  /// Every metric of the experiment, then what timing.json and the paper have besides.
  Named<Statistic> statistics = {};

  /// An empty one for an unknown name.
  const Statistic& statistic(std::string_view name) const;
};

struct Report {
  std::string experiment, paper, artefact, preset;
  std::int64_t seeds = 1;            ///< planned
  std::vector<std::string> columns;  ///< metrics that the tables show
  Measures measures;                 ///< with the remarks that hold for every experiment
  std::vector<ReportRow> rows;
};

/// Works at any time, also while the run goes on. Throws DataError for files that are damaged.
Report report(const RunDirectory& directory, const Experiment& experiment, const Configuration& configuration);

/// {experiment, paper, artefact, preset, seeds, columns, rows: [{cell, LABEL..., status, seeds_done, seeds_failed,
/// REMARK: seeds, ..., noisy, why, errors, METRIC: {mean, sd, best, low, high, seeds, paper}, ...}]}. What is none is
/// null, but for `paper`, which is left out.
Json to_json(const Report& report);

}  // namespace canopy::harness
