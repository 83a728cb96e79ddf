#include <canopy/nn/activation.hpp>

#include <canopy/autograd/activations.hpp>

namespace canopy::nn {

Variable ActivationLayer::forward(const Variable& x) const { return activate(activation_, x); }

Architecture ActivationLayer::architecture() const {
  return {.name = "activation", .options = {{"activation", std::string(to_string(activation_))}}};
}

}  // namespace canopy::nn
