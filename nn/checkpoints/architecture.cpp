#include <canopy/nn/checkpoints/architecture.hpp>

#include <canopy/core/error.hpp>
#include <canopy/core/failures.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace canopy::nn {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* name_key = "architecture";
constexpr const char* layers_key = "layers";
constexpr int deepest = 64;  // levels of layers in layers: a file must not exhaust the stack

Json layers_json(const std::vector<Architecture>& layers) {
  Json list = Json::array();
  for (const Architecture& layer : layers) {
    Json object = {{name_key, layer.name}};
    object.update(Json(layer.options));
    if (!layer.layers.empty()) object[layers_key] = layers_json(layer.layers);
    list.push_back(std::move(object));
  }
  return list;
}

std::vector<Architecture> layers_from_json(const Json& list, int depth) {
  if (depth > deepest) throw CheckpointError(fmt::format("layers are nested deeper than {} levels", deepest));
  if (!list.is_array()) throw CheckpointError(fmt::format("'layers' must be a list, not a JSON {}", list.type_name()));
  std::vector<Architecture> layers;
  for (const Json& object : list) {
    if (!object.is_object() || !object.contains(name_key)) {
      throw CheckpointError("each of 'layers' must be an object with an 'architecture'");
    }
    Architecture layer;
    for (const auto& [key, value] : object.items()) {
      if (key == layers_key) {
        layer.layers = layers_from_json(value, depth + 1);
      } else if (!value.is_string()) {
        throw CheckpointError(fmt::format("'{}' of a layer must be a text, not a JSON {}", key, value.type_name()));
      } else if (key == name_key) {
        layer.name = value.get<std::string>();
      } else {
        layer.options.emplace(key, value.get<std::string>());
      }
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace

std::map<std::string, std::string> to_metadata(const Architecture& architecture) {
  std::map<std::string, std::string> metadata = architecture.options;
  metadata.insert_or_assign(name_key, architecture.name);
  if (!architecture.layers.empty()) metadata.insert_or_assign(layers_key, layers_json(architecture.layers).dump());
  return metadata;
}

Architecture architecture_from_metadata(const std::map<std::string, std::string>& metadata) {
  Architecture architecture{.name = "fff", .options = metadata};
  if (const auto name = architecture.options.extract(name_key)) architecture.name = name.mapped();
  if (const auto layers = architecture.options.extract(layers_key)) {
    try {
      architecture.layers = layers_from_json(Json::parse(layers.mapped()), 1);
    } catch (const Json::exception&) {
      throw CheckpointError(fmt::format("the metadata 'layers': {}", describe_failure()));
    }
  }
  return architecture;
}

}  // namespace canopy::nn
