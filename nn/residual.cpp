#include <canopy/nn/residual.hpp>

#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {

Residual::Residual(std::unique_ptr<Layer> layer) : layer_(std::move(layer)) {
  if (!layer_) throw ConfigError("Residual: there is no layer");
  add_module("layer", *layer_);
}

Variable Residual::forward(const Variable& x) const {
  const Variable y = layer_->forward(x);
  if (y.shape() != x.shape()) {
    throw ShapeError(fmt::format("Residual: the layer turns {} into {}, where its output is to be added to its input",
                                 x.shape().to_string(), y.shape().to_string()));
  }
  return x + y;
}

Architecture Residual::architecture() const { return {.name = "residual", .layers = {layer_->architecture()}}; }

}  // namespace canopy::nn
