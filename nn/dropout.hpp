// Dropout as a layer.
#pragma once

#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// In training, zeroes each element with `probability` and divides the rest by 1 - probability (stream "dropout"); the
/// identity in evaluation. Throws ConfigError unless 0 <= probability < 1.
class Dropout : public Layer {
 public:
  explicit Dropout(float probability);
  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;

 private:
  float probability_;
};

}  // namespace canopy::nn
