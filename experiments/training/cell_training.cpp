#include <canopy/experiments/training/cell_training.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include <canopy/experiments/harness/metrics.hpp>

namespace canopy::training {
namespace {

// Steps, or batches, that a training will take, for its schedule; where only the clock ends it, none are planned.
std::int64_t planned(const RoutedTask& task, const TrainerOptions& options) {
  if (options.batches > 0) return options.batches;
  const std::int64_t of_pass = (task.batches() + options.accumulate - 1) / options.accumulate;
  const std::int64_t by_epochs = options.epochs * of_pass;
  if (options.steps == 0) return by_epochs;
  return options.epochs == 0 ? options.steps : std::min(options.steps, by_epochs);
}

/// What the rows of metrics.csv count.
struct Counting {
  std::string unit;
  std::int64_t stride, planned;
};

Counting counting(const Task& task, const TrainerOptions& options) {
  if (options.evaluate_every == 0) return {"epoch", 1, options.epochs};
  if (options.batches == 0) return {"step", options.evaluate_every, options.steps};
  auto [unit, stride] = task.amounts(options.evaluate_every).at(0);
  unit.pop_back();  // the plural's s
  return {unit, stride, task.amounts(options.batches).at(0).second};
}

}  // namespace

TrainedCell train_cell(const harness::CellContext& context, RoutedTask& task, const WatchedScore& training_score,
                       TrainerOptions options) {
  const Optimisation& recipe = task.optimisation();
  options.accumulate = recipe.accumulate;
  options.clip_norm = recipe.clip_norm;
  options.checkpoint = context.checkpoint();
  options.stop_requested = context.stop_requested;
  const Counting count = counting(task, options);
  options.report = [&](const EvaluationRow& row) {
    context.report({.number = row.number * count.stride,
                    .planned = count.planned,
                    .unit = count.unit,
                    .stride = count.stride,
                    .columns = row.scores,
                    .seen = row.seen});
  };
  const optim::Schedule schedule = make_schedule(recipe, planned(task, options));
  TrainedCell cell{
      std::make_unique<Trainer>(task, task.optimizer(), schedule, options, make_feedback(recipe, training_score))};
  // A training that is over already reports no row that would be held against these.
  harness::require_rows(context.folder / "metrics.csv", cell.trainer->evaluations(), count.stride);
  cell.ending = cell.trainer->run();
  if (cell.ending == Ending::interrupted) throw harness::Interrupted();
  return cell;
}

}  // namespace canopy::training
