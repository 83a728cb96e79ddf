// The fully connected layer.
#pragma once

#include <canopy/core/activation.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::nn {

struct LinearOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  bool bias = true;
  Activation activation = Activation::identity;  ///< fused behind the product
};

/// y = activation(x W^T + b): x [..., inputs], `weight` [outputs, inputs], `bias` [outputs], y [..., outputs]. All
/// initialised uniformly in +-1/sqrt(inputs), from the stream "initialisation". Throws ConfigError for sizes below 1.
class Linear : public Layer {
 public:
  using Options = LinearOptions;
  explicit Linear(const LinearOptions& options);

  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;

  void pack() override { weight_.pack(); }

  const Variable& weight() const { return weight_; }
  const Variable& bias() const { return bias_; }

 private:
  LinearOptions options_;
  Variable weight_;
  Variable bias_;
};

}  // namespace canopy::nn
