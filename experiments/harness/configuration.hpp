// Everything that a run's results depend on, and config.toml, which holds it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/settings.hpp>

namespace canopy::harness {

/// Of a grid.
inline constexpr std::size_t most_cells = 10000;
/// Of the seeds of a run.
inline constexpr Range seeds_range{.least = 1, .most = 10000};

/// Neither the number of threads nor the place of the data belongs to it: results do not depend on them.
struct Configuration {
  std::string experiment;
  std::string preset;
  std::int64_t seeds = 1;  ///< the seeds are 0 .. seeds-1
  std::string only;        ///< pattern of cell names; empty: all cells
  Settings settings;
};

/// Resolves a preset and `--set` assignments. `seeds` 0 means the preset's own. Throws ConfigError.
Configuration resolve(const Experiment& experiment, const std::string& preset, std::int64_t seeds,
                      const std::string& only, const std::vector<std::string>& assignments);

/// The selected part of the grid. Throws ConfigError when `only` matches no cell, when a cell's name is not [a-z0-9-]+
/// or not unique, when a label, a metric and a remark share a name, or when a column is no metric.
std::vector<Cell> selected_cells(const Experiment& experiment, const Configuration& configuration);

std::string to_toml(const Configuration& configuration);

/// Reads config.toml. Settings that the experiment no longer knows are skipped, new ones keep their defaults. Throws
/// DataError for a file that is missing, damaged or holds what no run of the experiment can be, ConfigError for an
/// experiment that is not in the list.
Configuration read_configuration(const std::filesystem::path& file, const std::vector<Experiment>& experiments);

/// What config.toml says otherwise, such as "settings.epochs is 20 there and 10 here"; empty when nothing differs. A
/// setting that the file does not know yet is no difference while it is "auto".
std::vector<std::string> differences(const std::filesystem::path& file, const Configuration& configuration);

/// The experiment of that name. Throws ConfigError and lists the known names.
const Experiment& find_experiment(const std::vector<Experiment>& experiments, const std::string& name);

}  // namespace canopy::harness
