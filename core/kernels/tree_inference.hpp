// Hard inference: follow one path a row, compute one leaf. Paper 1, Algorithm 1; unlike the released package it adds
// the output bias, and depth 0 works.
#pragma once

#include <cstdint>

#include <canopy/core/activation.hpp>

namespace canopy::kernels {

/// leaf[b] = the leaf that row b of x [batch, inputs] is sent to: right where w_k . x + b_k >= 0. Nodes in heap order:
/// `weights` [nodes, inputs], `biases` [nodes]; nodes = 2^depth - 1.
void route(const float* x, std::int64_t batch, std::int64_t inputs, const float* weights, const float* biases,
           int depth, std::int32_t* leaf);

/// The leaves of a tree: y = activation(x W1^T + b1) W2 + b2 for each.
struct Leaves {
  std::int64_t inputs, width, outputs;
  const float* w1;  ///< [leaves, width, inputs]
  const float* b1;  ///< [leaves, width]
  const float* w2;  ///< [leaves, width, outputs]
  const float* b2;  ///< [leaves, outputs]
  Activation activation;
};

/// y[b] = the output of leaf[b] for row b of x.
void leaf_forward(const Leaves& leaves, const float* x, std::int64_t batch, const std::int32_t* leaf, float* y);

}  // namespace canopy::kernels
