// The layer that does nothing, where a layer must stand.
#pragma once

#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// y = x
class Identity : public Layer {
 public:
  Variable forward(const Variable& x) const override { return x; }
  Architecture architecture() const override { return {.name = "identity"}; }
};

}  // namespace canopy::nn
