// A layer with a connection around it (He et al. 2016).
#pragma once

#include <memory>

#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// y = x + layer(x). The submodule is named "layer".
class Residual : public Layer {
 public:
  /// Throws ConfigError for no layer.
  explicit Residual(std::unique_ptr<Layer> layer);

  /// Throws ShapeError unless the layer keeps the shape of x.
  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;
  Layer& layer() { return *layer_; }

 private:
  std::unique_ptr<Layer> layer_;
};

}  // namespace canopy::nn
