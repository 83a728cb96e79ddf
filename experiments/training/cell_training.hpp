// A training as a cell of a grid.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/training/routed_task.hpp>
#include <canopy/experiments/training/trainer.hpp>

namespace canopy::training {

/// Trains `task` to one of the limits in `options`, whose accumulation, clipping, checkpoint, report and stop are those
/// of the task's recipe and of the cell. `training_score` is the score that the schedule "plateau" looks at. Gives the
/// trainer as it stands at the end, with its ending. Throws harness::Interrupted once the state of a cell that is to
/// stop is saved.
struct TrainedCell {
  std::unique_ptr<Trainer> trainer;
  Ending ending = Ending::finished;

  /// For result.json: "done" or "diverged".
  std::string status() const { return ending == Ending::diverged ? "diverged" : "done"; }
};
TrainedCell train_cell(const harness::CellContext& context, RoutedTask& task, const WatchedScore& training_score,
                       TrainerOptions options);

}  // namespace canopy::training
