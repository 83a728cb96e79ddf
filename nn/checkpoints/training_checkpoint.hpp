// The checkpoint of a training under way: the model selected so far as `load_model` reads it, and beside it what
// resuming needs, in one file that is replaced in one step.
//
// ```cpp
// if (std::filesystem::exists(path)) {
//   const TrainingCheckpoint resumed = read_training_checkpoint(path);
//   model.load_state_dict(resumed.parts.at("model").tensors);
//   optimizer.load_state(resumed.parts.at("optimizer"));
//   epoch = resumed.counters.at("epoch");
// }
// ```
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include <canopy/core/safetensors.hpp>
#include <canopy/core/state.hpp>

namespace canopy {

struct TrainingCheckpoint {
  Safetensors selected = {};                          ///< the model selected so far (to_safetensors), or nothing yet
  std::map<std::string, State> parts = {};            ///< by name without dots: "model", "optimizer", ...
  std::map<std::string, std::int64_t> counters = {};  ///< "epoch", "step", ...
  std::map<std::string, double> numbers = {};         ///< "best accuracy", ...: infinities and NaN too
  std::map<std::string, std::string> texts = {};      ///< whatever else, in UTF-8
};

/// Writes atomically, with the seed and the positions of all random streams. In the file the parts are arrays
/// "training.PART.NAME", the rest is the metadata entry "training". Throws CheckpointError for a part whose name is
/// empty or has a dot, for tensors of `selected` under "training.", and as write_safetensors.
void write_training_checkpoint(const std::filesystem::path& path, const TrainingCheckpoint& checkpoint);

/// Reads it, and continues the random streams from where they were. What canopy 0.1 wrote as "progress" is the text of
/// that name. Throws CheckpointError; the streams are then as they were.
TrainingCheckpoint read_training_checkpoint(const std::filesystem::path& path);

}  // namespace canopy
