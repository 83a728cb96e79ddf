// Layer normalisation as a layer.
#pragma once

#include <canopy/nn/module.hpp>

namespace canopy::nn {

struct LayerNormOptions {
  std::int64_t width = 0;  ///< extent of the last axis
  float epsilon = 1e-5f;   ///< added to the variance
  bool bias = true;
};

/// y = weight * (x - mean) / sqrt(variance + epsilon) + bias over the last axis (Ba et al. 2016): x, y [..., width],
/// `weight` [width], 1 at first, `bias` [width], 0 at first. Throws ConfigError for a width below 1 or an epsilon that
/// is negative or not finite.
class LayerNorm : public Layer {
 public:
  using Options = LayerNormOptions;
  explicit LayerNorm(const LayerNormOptions& options);

  /// Throws ShapeError unless x is [..., width].
  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;

  const Variable& weight() const { return weight_; }
  const Variable& bias() const { return bias_; }

 private:
  float epsilon_;
  Variable weight_;
  Variable bias_;
};

}  // namespace canopy::nn
