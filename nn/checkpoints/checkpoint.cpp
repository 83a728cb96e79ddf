#include <canopy/nn/checkpoints/checkpoint.hpp>

#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/nn/checkpoints/fold_input.hpp>
#include <canopy/nn/checkpoints/weights.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr const char* format_version = "1";

}  // namespace

Safetensors to_safetensors(const nn::Layer& model, const DatasetMetadata& dataset,
                           const std::map<std::string, std::string>& metadata) {
  const nn::Architecture architecture = model.architecture();
  Safetensors content{.metadata = nn::to_metadata(architecture), .tensors = model.state_dict(), .indices = {}};
  content.metadata.insert_or_assign("format_version", std::string(format_version));
  // What is folded below is no longer between the data set's inputs and the model.
  write_metadata(
      {.dataset = dataset.dataset, .input_normalisation = dataset.input_normalisation, .target = dataset.target},
      content);
  for (const auto& [key, value] : metadata) {
    if (content.metadata.emplace(key, value).second) continue;
    throw ConfigError(fmt::format("save: the metadata '{}' are the model's own; choose another key", key));
  }
  if (!dataset.input.identity()) {
    nn::fold_input(content.tensors, model, nn::input_weights(architecture), dataset.input);
  }
  return content;
}

void save(const nn::Layer& model, const std::filesystem::path& path, const DatasetMetadata& dataset,
          const std::map<std::string, std::string>& metadata) {
  write_safetensors(path, to_safetensors(model, dataset, metadata));
}

LoadedModel load_model(const std::filesystem::path& path, const nn::Builders& own) {
  const SafetensorsReader file(path);
  std::unique_ptr<nn::Layer> model;
  try {
    model = nn::build_layer(file, own);
  } catch (const std::exception&) {
    throw CheckpointError(fmt::format("{}: {}", path.string(), describe_failure()));
  }
  load_weights(*model, file);
  model->eval();
  return {std::move(model), file.metadata()};
}

}  // namespace canopy
