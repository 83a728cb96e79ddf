#include <canopy/experiments/training/cell_training.hpp>

#include <limits>
#include <utility>

#include <canopy/experiments/harness/metrics.hpp>

namespace canopy::training {
namespace {

// Steps that a training will take, for its schedule; where only the clock ends it, none are planned.
std::int64_t planned_steps(const RoutedTask& task, const TrainerOptions& options) {
  const std::int64_t of_pass = (task.batches() + options.accumulate - 1) / options.accumulate;
  const std::int64_t by_epochs = options.epochs * of_pass;
  if (options.steps == 0) return by_epochs;
  return options.epochs == 0 ? options.steps : std::min(options.steps, by_epochs);
}

}  // namespace

TrainedCell train_cell(const harness::CellContext& context, RoutedTask& task, const WatchedScore& training_score,
                       TrainerOptions options) {
  const Optimisation& recipe = task.optimisation();
  options.accumulate = recipe.accumulate;
  options.clip_norm = recipe.clip_norm;
  options.checkpoint = context.checkpoint();
  options.stop_requested = context.stop_requested;
  const std::int64_t stride = options.evaluate_every == 0 ? 1 : options.evaluate_every;
  options.report = [&](const EvaluationRow& row) {
    const bool by_steps = stride > 1;
    context.report({.number = row.number * stride,
                    .planned = by_steps ? options.steps : options.epochs,
                    .unit = by_steps ? "step" : "epoch",
                    .stride = stride,
                    .columns = row.scores,
                    .seen = row.seen});
  };
  const optim::Schedule schedule = make_schedule(recipe, planned_steps(task, options));
  TrainedCell cell{
      std::make_unique<Trainer>(task, task.optimizer(), schedule, options, make_feedback(recipe, training_score))};
  // A training that is over already reports no row that would be held against these.
  harness::require_rows(context.folder / "metrics.csv", cell.trainer->evaluations(), stride);
  cell.ending = cell.trainer->run();
  if (cell.ending == Ending::interrupted) throw harness::Interrupted();
  return cell;
}

}  // namespace canopy::training
