#include <canopy/nn/activation.hpp>

#include <canopy/autograd/activations.hpp>

namespace canopy::nn {

Variable ActivationLayer::forward(const Variable& x) const { return activate(activation_, x); }

}  // namespace canopy::nn
