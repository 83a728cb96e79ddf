#include <canopy/nn/routed/routed_layer.hpp>

#include <algorithm>
#include <string>

#include <canopy/autograd/shaping.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

thread_local int soft_inferences = 0;

template <class Routed, class Model>
std::vector<Routed*> collect(Model& model) {
  std::vector<Routed*> layers;
  model.for_each_module([&](Model& module) {
    Routed* layer = module.as_routed();
    if (layer != nullptr && std::ranges::find(layers, layer) == layers.end()) layers.push_back(layer);
  });
  return layers;
}

}  // namespace

std::int64_t RoutedLayer::row_count(const Shape& x) const {
  if (x.rank() < 1 || x[-1] != inputs()) {
    const std::string who = name().empty() ? kind() : fmt::format("{} \"{}\"", kind(), name());
    throw ShapeError(fmt::format("{}: an input [..., {}] is needed, not {}", who, inputs(), x.to_string()));
  }
  return x.size() / inputs();
}

Variable RoutedLayer::rows_of(const Variable& x) const {
  const std::int64_t rows = row_count(x.shape());
  return x.shape().rank() == 2 ? x : reshape(x, {rows, inputs()});
}

Variable RoutedLayer::forward(const Variable& x) const {
  const std::int64_t rows = row_count(x.shape());
  if (x.shape().rank() == 2) return forward_rows(x);
  const Variable y = forward_rows(reshape(x, {rows, inputs()}));
  return reshape(y, x.shape().with(-1, y.extent(-1)));
}

std::vector<RoutedLayer*> routed_layers(Module& model) { return collect<RoutedLayer>(model); }

std::vector<const RoutedLayer*> routed_layers(const Module& model) { return collect<const RoutedLayer>(model); }

std::vector<FFF*> soft_trees(Module& model) {
  std::vector<FFF*> trees;
  for (RoutedLayer* layer : routed_layers(model)) {
    if (FFF* tree = layer->soft_tree()) trees.push_back(tree);
  }
  return trees;
}

SoftInference::SoftInference() { ++soft_inferences; }
SoftInference::~SoftInference() { --soft_inferences; }
bool SoftInference::is_on() { return soft_inferences > 0; }

}  // namespace canopy::nn
