// The driver over a tiny experiment whose cells count instead of learning, so that tests of the grid take a second.
#include <chrono>
#include <csignal>
#include <thread>

#include <canopy/core/file.hpp>
#include <canopy/experiments/cli/program.hpp>
#include <canopy/experiments/training/classification.hpp>

#include <fmt/format.h>

using namespace canopy;
using namespace canopy::harness;

namespace {

/// A number that depends on everything before it: a resumed cell that lost or repeated an epoch ends elsewhere.
double next(double state, std::int64_t seed, std::int64_t epoch) {
  state = 3.9 * state * (1 - state);
  return state + 1e-3 * static_cast<double>(seed + epoch % 3);
}

Result count(const CellContext& context) {
  if (context.cell.text("model") == "crash") std::raise(SIGKILL);  // which no sanitizer turns into an exit code
  if (context.cell.text("model") == "error") throw Error("this cell always fails");
  if (context.cell.text("model") == "nodata") throw DataError("there is no data");
  const auto epochs = context.settings.get<std::int64_t>("epochs");
  const auto pause = std::chrono::microseconds(context.settings.get<std::int64_t>("pause"));
  double state = 0.3;
  std::int64_t first = 0;
  if (std::filesystem::exists(context.checkpoint())) {
    const Json saved = Json::parse(read_file(context.checkpoint()));
    state = saved["state"];
    first = saved["epochs"];
  }
  for (std::int64_t epoch = first; epoch < epochs; ++epoch) {
    if (context.stop_requested()) throw Interrupted();
    std::this_thread::sleep_for(pause);
    state = next(state, context.seed, epoch);
    context.report({.number = epoch, .planned = epochs, .columns = {{"validation_accuracy", 100 * state}}});
    write_file(context.checkpoint(), Json{{"state", state}, {"epochs", epoch + 1}}.dump());
  }
  const bool tree = context.cell.number("leaf_width").has_value();
  Result result;
  result.metrics["epochs"] = epochs;
  result.metrics["m_a"] = 100 * state;
  result.metrics["g_a"] = 90 + static_cast<double>(context.seed);
  result.metrics["leaves"] = tree ? 16 : 1;
  result.metrics["leaves_used"] = tree ? 2 : 1;
  result.metrics["maximum_leaf_load"] = tree && context.seed == 0 ? 99.5 : 60.;
  return result;
}

Experiment fake() {
  return {
      .name = "fake/count",
      .paper = "No paper",
      .artefact = "Table 0",
      .settings = {{"epochs", 5}, {"pause", 1000}, {"models", Texts{"ff", "fff"}}, {"rate", automatic<double>()}},
      .presets = {{.name = "quick", .seconds = 1, .seeds = 2, .changes = {}},
                  {.name = "paper", .seconds = 7200, .seeds = 3, .changes = {{"epochs", 8}}}},
      .cells =
          [](const Settings& settings) {
            std::vector<Cell> cells;
            for (const std::string& model : settings.get<Texts>("models")) {
              cells.push_back({.name = "none-" + model,
                               .labels = {{"dataset", "none"},
                                          {"model", model},
                                          {"recipe", "plain"},
                                          {"training_width", 128},
                                          {"leaf_width", model == "fff" ? Label(8) : Label()},
                                          {"depth", {}}}});
            }
            return cells;
          },
      .run = count,
      .measures = training::classification_measures(),
      .timing =
          [](const TimingContext& context) {
            std::vector<TimedCell> rows;
            for (const Cell& cell : context.cells) rows.push_back({cell.name, {{"speedup", 2.5}}});
            return rows;
          },
      .paper_numbers = [](const Cell& cell) -> std::map<std::string, double> {
        if (cell.text("model") != "fff") return {};
        return {{"g_a", 94.9}, {"speedup", 3.39}};
      },
      .columns = {"m_a", "g_a", "leaves_used", "maximum_leaf_load", "speedup"},
  };
}

/// Nothing of it is a classification: an error in metres over steps, and labels of its own.
Experiment regression() {
  return {.name = "other/regression",
          .paper = "No paper",
          .artefact = "Table 1",
          .settings = {{"trees", Integers{1, 4}}},
          .presets = {{.name = "quick", .seconds = 1, .seeds = 2, .changes = {}}},
          .cells =
              [](const Settings& settings) {
                std::vector<Cell> cells;
                for (const std::int64_t trees : settings.get<Integers>("trees")) {
                  cells.push_back({.name = fmt::format("forest-{}", trees), .labels = {{"trees", trees}}});
                }
                return cells;
              },
          .run =
              [](const CellContext& context) {
                const double error = 1. / static_cast<double>(*context.cell.number("trees") + context.seed);
                for (std::int64_t step = 0; step < 200; step += 50) {
                  context.report({.number = step,
                                  .planned = 200,
                                  .unit = "step",
                                  .stride = 50,
                                  .columns = {{"rmse", error + 1. / static_cast<double>(step + 1)}}});
                }
                Result result;
                result.metrics["rmse"] = error;
                result.metrics["rows"] = 1000;
                return result;
              },
          .measures =
              {.metrics =
                   {{.name = "rmse", .title = "RMSE", .unit = "m", .digits = 3, .better = Better::lower, .main = true},
                    {.name = "mae", .unit = "m", .better = Better::lower}},
               .charts = {{.name = "error", .unit = "m", .curves = {{.column = "rmse"}}, .panels = {"trees"}}}},
          .paper_numbers = [](const Cell&) -> std::map<std::string, double> {
            return {{"rmse", 0.375}};
          }};
}

/// The least that an experiment can be: neither labels nor metrics.
Experiment bare() {
  return {.name = "other/bare",
          .paper = "No paper",
          .artefact = "nothing",
          .settings = {},
          .presets = {{.name = "quick", .seconds = 1}},
          .cells = [](const Settings&) { return std::vector<Cell>{{.name = "only"}}; },
          .run = [](const CellContext&) { return Result(); }};
}

std::vector<benchmark::Row> sleepers(const benchmark::BenchOptions& options) {
  const auto timings =
      benchmark::time_alternately({{"slow", [] { std::this_thread::sleep_for(std::chrono::milliseconds(4)); }},
                                   {"fast", [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }}},
                                  options.timer(3));
  std::vector<benchmark::Row> rows = {{.name = "fast", .batch = 7, .timing = timings[1]},
                                      {.name = "slow", .batch = 7, .timing = timings[0]}};
  for (benchmark::Row& row : rows) row.baseline = timings[0];
  std::erase_if(rows, [&](const benchmark::Row& row) { return !options.selects(row.name); });
  return rows;
}

EvalResult evaluate(const EvalOptions& options) {
  if (options.dataset == "damaged") throw DataError("damaged: wrong magic number");
  return {.samples = 100,
          .accuracy_hard = 86.5,
          .accuracy_soft = 87.5,
          .leaves = 16,
          .leaves_used = 13,
          .maximum_leaf_load = 20};
}

}  // namespace

int main(int argc, char** argv) {
  const cli::Program program = {
      .experiments = {fake(), regression(), bare()},
      .benchmarks = {{.name = "sleep", .description = "sleeps", .run = sleepers, .flat = false},
                     {.name = "flat", .description = "sleeps", .run = sleepers, .flat = true}},
      .evaluate = evaluate};
  return cli::run_program(program, argc, argv);
}
