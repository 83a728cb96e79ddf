// Layers from what a file says of them: the architecture in its metadata and the shapes of its tensors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <canopy/core/safetensors_reader.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::nn {

class SavedLayer;
/// Makes a layer whose parameters have the names and shapes of the file; their values are loaded afterwards.
using Builder = std::function<std::unique_ptr<Layer>(const SavedLayer& saved)>;
/// By name of the architecture.
using Builders = std::map<std::string, Builder>;

/// One layer of a file, as its builder sees it. Errors are CheckpointErrors.
class SavedLayer {
 public:
  /// An option. Throws if there is none, or gives the fallback.
  const std::string& option(const std::string& key) const;
  std::string option(const std::string& key, const std::string& fallback) const;
  /// An option that is a whole number from 0 to a million. Throws if there is none.
  int number(const std::string& key) const;
  /// An option that is a finite number, 0 where there is none.
  float fraction(const std::string& key) const;

  /// Whether the layer has a tensor of that name, such as "bias".
  bool has(const std::string& tensor) const;
  /// The shape of a tensor of the layer. Throws if there is none or it has another number of axes.
  const Shape& shape(const std::string& tensor, int rank) const;

  /// Layers that this one is made of.
  std::size_t layers() const;
  /// One of them as its builder would see it, its tensors under the prefix `name` within this layer's.
  SavedLayer part(std::size_t i, const std::string& name) const;
  /// Builds one of them, whose tensors have the prefix `name` within this layer's.
  std::unique_ptr<Layer> build(std::size_t i, const std::string& name) const;

 private:
  friend std::unique_ptr<Layer> build_layer(const SafetensorsReader& file, const Builders& own);
  SavedLayer(const Architecture& architecture, std::string prefix, const SafetensorsReader& file, const Builders& own)
      : architecture_(architecture), prefix_(std::move(prefix)), file_(file), own_(own) {}
  std::unique_ptr<Layer> build() const;

  const Architecture& architecture_;
  std::string prefix_;  // of the tensors' names, with its dot
  const SafetensorsReader& file_;
  const Builders& own_;
};

/// The model of a file with fresh parameters, by its `architecture`: one of `own`, or of canopy's layers, composed as
/// they were saved. Throws CheckpointError naming what was found and what is known.
std::unique_ptr<Layer> build_layer(const SafetensorsReader& file, const Builders& own = {});

}  // namespace canopy::nn
