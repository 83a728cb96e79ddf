// Classifiers in safetensors files that say what is needed to use them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <canopy/core/dataset_metadata.hpp>
#include <canopy/nn/module.hpp>

namespace canopy {

/// Metadata and tensors of `model` as `save` writes them: with the centring and scaling of `dataset` folded into the
/// weights that read the input (W' = scale W, b' = b - scale W offset; a layer without that bias gets it), so that the
/// saved model reads `input_normalisation`.
struct ClassifierState {
  std::map<std::string, std::string> metadata;
  nn::StateDict tensors;
};
ClassifierState classifier_state(const nn::Layer& model, const DatasetMetadata& dataset);

/// Writes `model` atomically. Throws as write_safetensors.
void save(const nn::Layer& model, const std::filesystem::path& path, const DatasetMetadata& dataset = {});

struct LoadedClassifier {
  std::unique_ptr<nn::Layer> model;  ///< in evaluation mode
  std::map<std::string, std::string> metadata;
};
/// Rebuilds a classifier from its metadata (`architecture`: "ff", "tree-fff", "moe" or, also where absent, "fff") and
/// the shapes of its tensors. Tensors under "training." (an optimizer's state, say) are left out. Throws
/// CheckpointError if the file is damaged or holds something else.
LoadedClassifier load_classifier(const std::filesystem::path& path);

}  // namespace canopy
