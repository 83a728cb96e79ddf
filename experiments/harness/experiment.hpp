// What an experiment is: a grid of cells, a function that trains one of them, the paper's numbers beside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/experiments/harness/gnuplot.hpp>
#include <canopy/experiments/harness/measures.hpp>
#include <canopy/experiments/harness/result.hpp>
#include <canopy/experiments/harness/settings.hpp>

namespace canopy::harness {

/// One cell of the grid: trained once for each seed.
struct Cell {
  std::string name;    ///< [a-z0-9-]+, such as "abalone-tree-d4-plain"
  Labels labels = {};  ///< what it is, such as {{"dataset", "abalone"}, {"depth", 4}}
  double work = 1;     ///< expected time against the other cells, for the estimate of the time left

  /// Its labels by name; both throw ConfigError as Labels does.
  const std::string& text(std::string_view label) const { return labels.text(label); }
  std::optional<std::int64_t> number(std::string_view label) const { return labels.number(label); }
};

/// Thrown by a cell that saved its state because `stop_requested()`.
class Interrupted : public Error {
 public:
  Interrupted() : Error("interrupted") {}
};

/// What `Experiment::run` gets to train one cell with one seed. The thread count is already in force.
struct CellContext {
  Cell cell;
  std::int64_t seed = 0;
  Settings settings;
  std::filesystem::path folder;  ///< cells/<cell>/<seed>; exists
  std::filesystem::path data;    ///< folder of the data sets; empty: the default places
  int threads = 1;

  /// Appends a row to metrics.csv, for good, and shows it. Comes before the checkpoint that counts this row. The first
  /// report of a process cuts the rows that an earlier process wrote from this one on.
  std::function<void(const MetricsRow&)> report;
  /// Shows what is done before the first row, such as "packing text, 12 MB".
  std::function<void(const std::string&)> say;
  /// True once the run is to end: at the next epoch or step boundary save the checkpoint and throw Interrupted.
  std::function<bool()> stop_requested;

  /// Where the state goes, atomically. If it exists at the start, the cell continues from it.
  std::filesystem::path checkpoint() const { return folder / "checkpoint.safetensors"; }
};

/// What `Experiment::timing` gets: it has the machine for itself, after the grid.
struct TimingContext {
  std::vector<Cell> cells;
  Settings settings;
  std::filesystem::path data;
  int threads = 1;
};

/// A row of timing.json.
struct TimedCell {
  std::string cell;
  /// Timed metrics, and any others. A time called "milliseconds", or with such an end, has the half distance between
  /// the quartiles of its repetitions beside it, with "spread" in that place: "dense_milliseconds" and "dense_spread".
  Numbers numbers = {};
  std::string noise = {};  ///< why one of the times is noisy (benchmark::Timing); empty: none is
};

/// A named set of changes to an experiment's default settings.
struct Preset {
  std::string name;
  double seconds = 0;  ///< expected on the two cores of the measurements
  std::int64_t seeds = 1;
  std::vector<Settings::Entry> changes = {};
};

/// An experiment of a paper. A plain value: experiments.cpp lists them.
struct Experiment {
  std::string name;      ///< such as "fff/counterparts"
  std::string paper;     ///< such as "Fast Feedforward Networks (arXiv 2308.14711)"
  std::string artefact;  ///< such as "Table 1, Table 4"
  Settings settings;     ///< every key with its default
  std::vector<Preset> presets;

  /// The grid for these settings, in the order of the table.
  std::function<std::vector<Cell>(const Settings&)> cells;
  /// Trains one cell. The same cell, seed and settings give the same result for any number of threads.
  std::function<Result(const CellContext&)> run;
  /// What a result holds, and how it is shown.
  Measures measures = {};
  /// Optional: speed, measured alone after the grid.
  std::function<std::vector<TimedCell>(const TimingContext&)> timing = {};
  /// Optional: the paper's numbers for a cell by metric, such as {{"rmse", 0.31}, {"speedup", 3.39}}.
  std::function<std::map<std::string, double>(const Cell&)> paper_numbers = {};
  /// The metrics that the table shows, by name; none: all.
  std::vector<std::string> columns = {};
  /// Optional: figures of what a cell with this name and seed wrote into its folder besides.
  std::function<std::vector<Figure>(const std::filesystem::path& folder, const std::string& cell, std::int64_t seed)>
      figures = {};
};

}  // namespace canopy::harness
