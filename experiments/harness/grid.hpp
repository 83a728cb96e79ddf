// Runs jobs side by side, each in a worker process of its own, so that a crash costs one cell.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <canopy/experiments/harness/progress.hpp>
#include <canopy/experiments/harness/stop_signals.hpp>

namespace canopy::harness {

/// One worker process.
struct Job {
  std::string name;                    ///< as the progress display shows it
  std::vector<std::string> arguments;  ///< of this same binary
  std::filesystem::path folder;        ///< for log.txt and error.txt
  double work = 1;                     ///< expected time against the other jobs, for the estimate of the time left
};

struct Failure {
  std::string job;
  std::string message;
  int exit_code = 1;  ///< of the worker; 1 for a crash
};

struct GridOutcome {
  std::vector<Failure> failures;
  bool interrupted = false;
};

/// Runs all jobs, `side_by_side` at a time. A failed one leaves error.txt in its folder and the rest go on. SIGINT or
/// SIGTERM ends the workers by SIGTERM, a second one by SIGKILL.
GridOutcome run_grid(const std::vector<Job>& jobs, std::size_t side_by_side, StopSignals& signals, Progress& progress);

}  // namespace canopy::harness
