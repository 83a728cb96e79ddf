// The master leaf of paper 3 (2024, "Enhancing Fast Feed Forward Networks with Load Balancing and a Master Leaf Node"):
// a small feedforward layer beside the tree that computes for every sample.
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/activation.hpp>

namespace canopy::nn {

/// Which of the two the trainable share k = sigmoid(mix logit) weighs. Released code and its README disagree.
enum class MasterMix {
  tree,   ///< y = k tree(x) + (1 - k) master(x): the code, in training and in inference
  master  ///< y = k master(x) + (1 - k) tree(x): the README
};

/// master(x) = f(x W1^T + b1) W2^T + b2 and its mixture with the tree.
struct MasterLeaf {
  Variable w1;         ///< [width, inputs]
  Variable b1;         ///< [width]
  Variable w2;         ///< [outputs, width]
  Variable b2;         ///< [outputs]
  Variable mix_logit;  ///< [1]
  Activation activation = Activation::relu;
  MasterMix mix = MasterMix::tree;

  /// The layer's output from its input [batch, inputs] and the tree's output [batch, outputs].
  Variable operator()(const Variable& x, const Variable& tree) const;
};

}  // namespace canopy::nn
