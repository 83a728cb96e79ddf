// Models in safetensors files that say what is needed to use them.
//
// A model composed of canopy's layers is saved by `save` and built again by `load_model`: the metadata describe the
// composition, the tensors' shapes the sizes. A model of one's own is built by its program, whose options are its
// configuration, and filled by `load_weights` (nn/checkpoints/weights.hpp); or it says what it is in
// `Layer::architecture()`, and `load_model` is given its builder:
// ```cpp
// load_model("mine.safetensors", {{"mine", [](const nn::SavedLayer& saved) {
//   return std::make_unique<Mine>(MineOptions{.width = saved.shape("input.weight", 2)[0], .steps =
//   saved.number("steps")});
// }}});
// ```
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <canopy/core/dataset_metadata.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/nn/checkpoints/rebuild.hpp>

namespace canopy {

/// What `save` writes: the model's tensors with the centring and scaling of `dataset` folded in
/// (nn/checkpoints/fold_input.hpp), so that the saved model reads `input_normalisation`; its architecture, what the
/// data set says of itself, and `metadata` of the program's own. Throws CheckpointError where the fold is not known,
/// ShapeError where the data set has another number of inputs, ConfigError for a key of `metadata` that is taken.
Safetensors to_safetensors(const nn::Layer& model, const DatasetMetadata& dataset = {},
                           const std::map<std::string, std::string>& metadata = {});

/// Writes `model` atomically. Throws as to_safetensors and write_safetensors.
void save(const nn::Layer& model, const std::filesystem::path& path, const DatasetMetadata& dataset = {},
          const std::map<std::string, std::string>& metadata = {});

struct LoadedModel {
  std::unique_ptr<nn::Layer> model;  ///< in evaluation mode
  std::map<std::string, std::string> metadata;
};
/// Builds the model of a file, a folder of shards or an index, by `own` builders or canopy's
/// (nn/checkpoints/rebuild.hpp), and reads its weights: for inference the same bits. Of the options of training alone,
/// dropout and region leak are kept. Files without `architecture` are those released for paper 3. Tensors under
/// "training." (an optimizer's state, say) are left out. Throws CheckpointError if the file is damaged or holds
/// something else.
LoadedModel load_model(const std::filesystem::path& path, const nn::Builders& own = {});

}  // namespace canopy
