// Dropout as a layer.
#pragma once

#include <canopy/nn/module.hpp>

namespace canopy::nn {

struct DropoutOptions {
  float probability = 0.5f;  ///< of an element to become 0
};

/// In training, zeroes each element with `probability` and divides the rest by 1 - probability (stream "dropout"); the
/// identity in evaluation. Throws ConfigError unless 0 <= probability < 1.
class Dropout : public Layer {
 public:
  using Options = DropoutOptions;
  explicit Dropout(const DropoutOptions& options);
  Variable forward(const Variable& x) const override;
  Architecture architecture() const override;

 private:
  float probability_;
};

}  // namespace canopy::nn
