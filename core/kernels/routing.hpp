// Hard routing: each row goes down a tree of decisions, d dot products a row. Paper 1, Algorithm 1.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// The decisions of a tree, nodes = 2^depth - 1 in heap order (children of k: 2k + 1 left, 2k + 2 right). With
/// z = w_k . x + b_k a row goes right where z >= 0.
struct DecisionTree {
  std::int64_t inputs;
  int depth;
  const float* weights;  ///< [nodes, inputs]
  const float* biases;   ///< [nodes]
};

/// leaf[b] = the leaf, from left to right, that row b of x [batch, inputs] is sent to. Where they are given, `sign`
/// [batch, depth] multiplies the row's logit at each level before it decides, and `logits` [batch, depth] receives it.
void route(const DecisionTree& tree, const float* x, std::int64_t batch, std::int32_t* leaf,
           const float* sign = nullptr, float* logits = nullptr);
/// The same on the calling thread alone.
void route_serial(const DecisionTree& tree, const float* x, std::int64_t batch, std::int32_t* leaf,
                  const float* sign = nullptr, float* logits = nullptr);

/// other[b, l] = the leaf that row b, sent to leaf[b], would reach by taking the other side at its node of level l and
/// deciding for itself from there on; [batch, depth]. `sign` [batch, d (d - 1) / 2], which may be null, multiplies the
/// logits of these d - 1 + d - 2 + ... + 0 further nodes, level by level.
void route_others(const DecisionTree& tree, const float* x, std::int64_t batch, const std::int32_t* leaf,
                  const float* sign, std::int32_t* other);

/// The same from the logits of all nodes, [batch, nodes]: the leaves reached with the logits on the way, and the leaves
/// of the other sides.
void route_by_logits(const float* all, std::int64_t batch, int depth, std::int32_t* leaf, float* logits);
void route_others_by_logits(const float* all, std::int64_t batch, int depth, const std::int32_t* leaf,
                            std::int32_t* other);

}  // namespace canopy::kernels
