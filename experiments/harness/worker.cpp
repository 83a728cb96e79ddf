#include <canopy/experiments/harness/worker.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/harness/timing.hpp>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace canopy::harness {
namespace {

volatile std::sig_atomic_t stop = 0;

void die_with(pid_t parent) {
  if (parent == 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) std::_Exit(1);  // it was gone before prctl
}

/// The terminal sends SIGINT to every process of a run; the parent decides what it means and sends SIGTERM.
void listen_for_stop() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop = 1; };
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGINT, SIG_IGN);
}

void write_line(const Json& json) {
  const std::string line = to_text(json) + "\n";
  std::string_view left = line;
  while (!left.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, left.data(), left.size());
    if (written < 0) return;  // nobody listens
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? std::min(1., static_cast<double>(part) / static_cast<double>(whole)) : 0;
}

/// Every metric that the experiment names, with or without a value, then what it has besides.
Numbers in_order(const Numbers& found, const Measures& measures) {
  Numbers all;
  for (const Metric& metric : measures.metrics) {
    if (!metric.timed) all[metric.name] = {};
  }
  for (const auto& [name, value] : found) all[name] = value;
  return all;
}

void train(const Experiment& experiment, const Configuration& configuration, const Cell& cell,
           const WorkerOptions& options) {
  const std::filesystem::path folder = options.directory.cell(cell.name, options.seed);
  make_folder(folder);
  std::optional<MetricsFile> metrics;
  ClockFile clock(folder / "clock.csv");
  const CellContext context = {
      .cell = cell,
      .seed = options.seed,
      .settings = configuration.settings,
      .folder = folder,
      .data = options.data,
      .threads = options.threads,
      .report =
          [&](const MetricsRow& row) {
            if (!metrics) metrics.emplace(folder / "metrics.csv", row.unit, row.stride);
            metrics->append(row.number, row.columns);
            const std::string speed = clock.append(row);
            write_line({{"before", share(row.number, row.planned)},
                        {"done", share(row.number + row.stride, row.planned)},
                        {"reached", reached(row, experiment.measures) + (speed.empty() ? "" : "  " + speed)}});
          },
      .say =
          [](const std::string& doing) {
            write_line({{"doing", doing}});
          },
      .stop_requested = [] { return stop != 0; },
  };
  Result result = experiment.run(context);
  result.experiment = experiment.name;
  result.cell = cell.name;
  result.seed = options.seed;
  result.labels = cell.labels;
  result.metrics = in_order(result.metrics, experiment.measures);
  write_file(folder / "result.json", to_text(to_json(result), 2) + "\n");
}

}  // namespace

void run_worker(const std::vector<Experiment>& experiments, const WorkerOptions& options) {
  die_with(options.parent);
  listen_for_stop();
  const ThreadGuard guard(options.threads);
  const Configuration configuration = read_configuration(options.directory.configuration(), experiments);
  const Experiment& experiment = find_experiment(experiments, configuration.experiment);
  const std::vector<Cell> cells = selected_cells(experiment, configuration);
  if (options.cell.empty()) {
    std::signal(SIGTERM, SIG_DFL);  // a timing has nothing to save
    const TimingContext context = {
        .cells = cells, .settings = configuration.settings, .data = options.data, .threads = options.threads};
    write_timing(options.directory, experiment.name, options.threads, experiment.timing(context));
    return;
  }
  const auto cell = std::ranges::find(cells, options.cell, &Cell::name);
  if (cell == cells.end()) throw ConfigError(fmt::format("{}: no cell \"{}\"", experiment.name, options.cell));
  train(experiment, configuration, *cell, options);
}

}  // namespace canopy::harness
