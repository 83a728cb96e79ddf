// One experiment from its configuration to its complete run directory.
#pragma once

#include <filesystem>

#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/harness/grid.hpp>
#include <canopy/experiments/harness/run_directory.hpp>
#include <canopy/experiments/harness/stop_signals.hpp>

namespace canopy::harness {

struct RunOptions {
  int threads = 1;                  ///< all together
  std::filesystem::path data = {};  ///< folder of the data sets; empty: the default places
  bool resume = false;
};

/// Runs what is missing: the cells side by side, then, alone, the timing. Throws ConfigError as `check_claim` does.
GridOutcome run_experiment(const Experiment& experiment, const Configuration& configuration,
                           const RunDirectory& directory, const RunOptions& options, StopSignals& signals);

}  // namespace canopy::harness
