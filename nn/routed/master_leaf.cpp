#include <canopy/nn/routed/master_leaf.hpp>

#include <canopy/autograd/activations.hpp>
#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/linear.hpp>

namespace canopy::nn {

Variable MasterLeaf::operator()(const Variable& x, const Variable& tree) const {
  const Variable master = linear(linear(x, w1, b1, activation), w2, b2);
  const Variable k = sigmoid(mix_logit);
  return mix == MasterMix::tree ? master + k * (tree - master) : tree + k * (master - tree);
}

}  // namespace canopy::nn
