#include <canopy/nn/sequential.hpp>

#include <string>

namespace canopy::nn {

void Sequential::append(std::unique_ptr<Layer> layer) {
  add_module(std::to_string(layers_.size()), *layer);
  layers_.push_back(std::move(layer));
}

Variable Sequential::forward(const Variable& x) const {
  Variable y = x;
  for (const auto& layer : layers_) y = layer->forward(y);
  return y;
}

Architecture Sequential::architecture() const {
  Architecture described{.name = "sequential"};
  for (const auto& layer : layers_) described.layers.push_back(layer->architecture());
  return described;
}

}  // namespace canopy::nn
