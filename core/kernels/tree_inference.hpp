// Hard inference: follow one path a row, compute one leaf. Paper 1, Algorithm 1; unlike the released package it adds
// the output bias, and depth 0 works.
#pragma once

#include <cstdint>

#include <canopy/core/activation.hpp>
#include <canopy/core/kernels/routing.hpp>

namespace canopy::kernels {

/// The leaves of a tree: y = activation(x W1^T + b1) W2 + b2 for each.
struct Leaves {
  std::int64_t inputs, width, outputs;
  const float* w1;  ///< [leaves, width, inputs]
  const float* b1;  ///< [leaves, width]
  const float* w2;  ///< [leaves, width, outputs]
  const float* b2;  ///< [leaves, outputs]
  Activation activation;
};

/// Routes the rows of x [batch, inputs] and computes the leaf that each is sent to: leaf [batch], y [batch, outputs]. A
/// row's result depends neither on the rows beside it nor on the number of threads.
void hard_inference(const DecisionTree& tree, const Leaves& leaves, const float* x, std::int64_t batch,
                    std::int32_t* leaf, float* y);

}  // namespace canopy::kernels
