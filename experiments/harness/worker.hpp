// The inside of a worker process: one cell with one seed, or the timing after the grid.
//
// It reads everything else from config.toml, writes a line of JSON to stdout for every row of metrics.csv, ends at an
// epoch or step boundary on SIGTERM, and dies with its parent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

#include <sys/types.h>

namespace canopy::harness {

struct WorkerOptions {
  RunDirectory directory;
  std::string cell;  ///< empty: the timing
  std::int64_t seed = 0;
  std::filesystem::path data;
  int threads = 1;
  pid_t parent = 0;  ///< 0: none to die with
};

/// Returns when result.json or timing.json is written. Throws Interrupted once SIGTERM made the cell save its state.
void run_worker(const std::vector<Experiment>& experiments, const WorkerOptions& options);

}  // namespace canopy::harness
