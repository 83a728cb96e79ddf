// An activation function as a layer.
#pragma once

#include <canopy/core/activation.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// y = activation(x), elementwise.
class ActivationLayer : public Layer {
 public:
  explicit ActivationLayer(Activation activation) : activation_(activation) {}
  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;

 private:
  Activation activation_;
};

}  // namespace canopy::nn
