// The checkpoint of a training under way: the selected classifier as `canopy eval` reads it, and beside it, under
// "training.", what resuming needs.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <canopy/experiments/harness/json.hpp>
#include <canopy/nn/checkpoint.hpp>
#include <canopy/optim/state.hpp>

namespace canopy::training {

struct TrainingCheckpoint {
  ClassifierState best;                       ///< the model selected so far; empty before the first
  std::map<std::string, optim::State> parts;  ///< by name without dots: "model", "optimizer", ...
  harness::Json progress;                     ///< counters and scores
};

/// Writes atomically, with the positions of all random streams. Throws CheckpointError.
void write_training_checkpoint(const std::filesystem::path& path, const TrainingCheckpoint& checkpoint);
/// Restores the random streams, too. Throws CheckpointError.
TrainingCheckpoint read_training_checkpoint(const std::filesystem::path& path);

}  // namespace canopy::training
