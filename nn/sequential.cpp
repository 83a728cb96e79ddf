#include <canopy/nn/sequential.hpp>

#include <string>

#include <fmt/format.h>

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

std::vector<Layer::InputWeights> Sequential::input_weights() const {
  if (layers_.empty()) return {};
  std::vector<InputWeights> names = layers_.front()->input_weights();
  for (InputWeights& entry : names) entry = {fmt::format("0.{}", entry.weight), fmt::format("0.{}", entry.bias)};
  return names;
}

}  // namespace canopy::nn
