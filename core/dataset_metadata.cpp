#include <canopy/core/dataset_metadata.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr const char* dataset_key = "dataset";
constexpr const char* normalisation_key = "input_normalisation";

// Calls f(name in a file, array) for every array.
template <class Metadata, class F>
void for_arrays(Metadata& metadata, F f) {
  f("dataset.input.offset", metadata.input.offset);
  f("dataset.input.scale", metadata.input.scale);
  f("dataset.target.offset", metadata.target.offset);
  f("dataset.target.scale", metadata.target.scale);
}

void check(std::string_view name, const Tensor& array) {
  const bool scale = name.ends_with("scale");
  const auto usable = [&](float v) { return std::isfinite(v) && !(scale && v == 0.f); };
  if (array.rank() != 1 || !std::ranges::all_of(array.elements(), usable)) {
    throw CheckpointError(fmt::format("the tensor '{}' must be a vector of finite numbers{}, found the shape {}", name,
                                      scale ? " other than 0" : "", array.shape().to_string()));
  }
}

}  // namespace

void write_metadata(const DatasetMetadata& metadata, Safetensors& content) {
  if (!metadata.dataset.empty()) content.metadata[dataset_key] = metadata.dataset;
  if (!metadata.input_normalisation.empty()) content.metadata[normalisation_key] = metadata.input_normalisation;
  for_arrays(metadata, [&](const char* name, const Tensor& array) {
    if (!array.empty()) content.tensors.insert_or_assign(name, array.reshape({array.size()}));
  });
}

DatasetMetadata read_metadata(const Safetensors& content) {
  DatasetMetadata metadata;
  const auto text = [&](const char* key) {
    const auto found = content.metadata.find(key);
    return found == content.metadata.end() ? std::string() : found->second;
  };
  metadata.dataset = text(dataset_key);
  metadata.input_normalisation = text(normalisation_key);
  for_arrays(metadata, [&](const char* name, Tensor& array) {
    const auto found = content.tensors.find(name);
    if (found == content.tensors.end()) return;
    check(name, found->second);
    array = found->second;
  });
  return metadata;
}

}  // namespace canopy
