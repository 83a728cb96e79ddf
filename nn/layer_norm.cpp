#include <canopy/nn/layer_norm.hpp>

#include <cmath>

#include <canopy/autograd/layer_norm.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {

LayerNorm::LayerNorm(const LayerNormOptions& options) : epsilon_(options.epsilon) {
  if (options.width < 1) throw ConfigError(fmt::format("LayerNorm: width must be at least 1, not {}", options.width));
  if (!(epsilon_ >= 0.f && std::isfinite(epsilon_))) {
    throw ConfigError(fmt::format("LayerNorm: epsilon must be finite and at least 0, not {}", epsilon_));
  }
  weight_ = add_parameter("weight", Tensor({options.width}, 1.f));
  if (options.bias) bias_ = add_parameter("bias", Tensor::zeros({options.width}));
}

Variable LayerNorm::forward(const Variable& x) const { return layer_norm(x, weight_, bias_, epsilon_); }

Architecture LayerNorm::architecture() const {
  return {.name = "layer-norm", .options = {{"epsilon", fmt::to_string(epsilon_)}}};
}

}  // namespace canopy::nn
