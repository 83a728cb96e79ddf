#include <canopy/experiments/harness/run.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <canopy/core/file.hpp>

#include <fmt/format.h>
#include <unistd.h>

namespace canopy::harness {
namespace {

/// A path that no command line takes for an option.
std::string as_argument(const std::filesystem::path& path) {
  const std::string text = path.string();
  return text.starts_with('-') ? fmt::format("./{}", text) : text;
}

/// The hidden command `worker` of this same binary.
std::vector<std::string> worker_arguments(const RunDirectory& directory, const std::filesystem::path& data,
                                          std::size_t threads) {
  return {"worker",    as_argument(directory.root), "--data",   as_argument(data),
          "--threads", std::to_string(threads),     "--parent", std::to_string(::getpid())};
}

}  // namespace

GridOutcome run_experiment(const Experiment& experiment, const Configuration& configuration,
                           const RunDirectory& directory, const RunOptions& options, StopSignals& signals) {
  const std::vector<Cell> cells = selected_cells(experiment, configuration);
  check_claim(directory, configuration, options.resume);
  const RunLock lock(directory);
  check_claim(directory, configuration, options.resume);  // another run may have been faster
  if (!is_there(directory.configuration())) {
    write_file(directory.configuration(), to_toml(configuration));
  }

  std::vector<Job> jobs;
  for (std::int64_t seed = 0; seed < configuration.seeds; ++seed) {
    for (const Cell& cell : cells) {
      const std::filesystem::path folder = directory.cell(cell.name, seed);
      if (!is_there(folder / "result.json")) {
        jobs.push_back({.name = fmt::format("{} seed {}", cell.name, seed),
                        .arguments = {"--cell", cell.name, "--seed", std::to_string(seed)},
                        .folder = folder,
                        .work = cell.work});
      }
    }
  }
  const std::size_t threads = static_cast<std::size_t>(options.threads);
  const std::size_t side_by_side = std::max<std::size_t>(1, std::min(threads, jobs.size()));
  const std::vector<std::string> common = worker_arguments(directory, options.data, threads / side_by_side);
  for (Job& job : jobs) job.arguments.insert(job.arguments.begin(), common.begin(), common.end());

  GridOutcome outcome;
  if (!jobs.empty()) {
    write_environment(directory);
    const std::size_t total = cells.size() * static_cast<std::size_t>(configuration.seeds);
    double work = 0;
    for (const Job& job : jobs) work += job.work;
    Progress progress(total, total - jobs.size(), work);
    outcome = run_grid(jobs, side_by_side, signals, progress);
  }
  if (outcome.interrupted || !experiment.timing || is_there(directory.timing())) return outcome;

  Progress progress(1, 0, 1);
  const GridOutcome timing = run_grid(
      {{.name = "timing", .arguments = worker_arguments(directory, options.data, threads), .folder = directory.root}},
      1, signals, progress);
  outcome.interrupted = timing.interrupted;
  outcome.failures.insert(outcome.failures.end(), timing.failures.begin(), timing.failures.end());
  return outcome;
}

}  // namespace canopy::harness
