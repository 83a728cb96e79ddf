#include <canopy/experiments/benchmark/tree_training.hpp>

#include <canopy/experiments/benchmark/data.hpp>
#include <canopy/experiments/benchmark/tree_steps.hpp>

namespace canopy::benchmark {
namespace {

constexpr std::int64_t batch = 2048;

// Times a step's parts over a few steps of its own, after the others have been timed.
StepTimes parts_of_step(TreeStep how) {
  constexpr int steps = 5;
  auto times = std::make_shared<StepTimes>();
  const std::function<void()> step = tree_step(how, batch, times);
  step();
  *times = {};
  for (int i = 0; i < steps; ++i) step();
  const auto of_step = [](double sum) { return rounded(sum / steps, 3); };
  return {of_step(times->forward), of_step(times->backward), of_step(times->optimizer)};
}

std::vector<Row> run(const BenchOptions& options) {
  const std::vector<std::pair<std::string, TreeStep>> steps = {
      {"masked", TreeStep::masked}, {"sparse", TreeStep::sparse}, {"sparse, lazy Adam", TreeStep::lazy}};
  std::vector<Candidate> candidates;
  for (const auto& [name, how] : steps) candidates.push_back({name, tree_step(how, batch)});
  const std::vector<Timing> times = time_alternately(candidates, options.timer(9));
  std::vector<Row> rows;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (!options.selects(steps[i].first)) continue;
    const StepTimes parts = parts_of_step(steps[i].second);
    rows.push_back(
        {.name = steps[i].first,
         .batch = batch,
         .timing = times[i],
         .baseline = times[0],
         .more = {{"forward_ms", parts.forward}, {"backward_ms", parts.backward}, {"optimizer_ms", parts.optimizer}}});
  }
  return rows;
}

}  // namespace

Benchmark tree_training() {
  return {.name = "tree-training",
          .description = "a training step of paper 2's layer through its paths, beside the masked dense layer",
          .run = run};
}

}  // namespace canopy::benchmark
