// The two-layer network that fast feedforward layers are measured against.
#pragma once

#include <canopy/core/activation.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::nn {

struct FeedForwardOptions {
  std::int64_t inputs = 0;
  std::int64_t width = 0;  ///< hidden neurons: both training width and inference width
  std::int64_t outputs = 0;
  Activation activation = Activation::relu;
  float dropout = 0.f;  ///< of the hidden values, in training
  bool bias = true;
};

/// y = activation(x W0^T + b0) W2^T + b2. Parameters are named as in torch.nn.Sequential(Linear, activation, Linear):
/// "0.weight", "0.bias", "2.weight", "2.bias".
class FeedForward : public Layer {
 public:
  using Options = FeedForwardOptions;
  explicit FeedForward(const FeedForwardOptions& options);

  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;

 private:
  FeedForwardOptions options_;
  Linear hidden_;
  Dropout dropout_;
  Linear output_;
};

}  // namespace canopy::nn
