// One path a sample through a tree of decisions: training that computes the nodes and leaves of the path alone. Paper 1
// (Fast Feedforward Networks), with the decisions of its Algorithm 1.
#pragma once

#include <canopy/autograd/grouped.hpp>
#include <canopy/autograd/variable.hpp>

namespace canopy {

/// Where samples go: right where a logit is >= 0. Heap order; the leaves 0 .. 2^depth - 1 from left to right.
struct DecisionPath {
  Variable logits;  ///< [batch, depth]: of the nodes on the path, from the root on
  Indices leaf;     ///< [batch]
};

/// Sends x [batch, inputs] down a tree of decisions w_k . x + b_k: weights [2^depth - 1, inputs], biases [2^depth - 1,
/// 1], whose gradients are row-sparse. `sign` [batch, depth], where it is not empty, multiplies the logits before they
/// decide: -1 exchanges a node's children for a sample. Throws ShapeError.
DecisionPath decision_path(const Variable& x, const Variable& weights, const Variable& biases, int depth,
                           const Tensor& sign = {});

/// The same from the logits of all nodes, [batch, 2^depth - 1]. Throws ShapeError.
DecisionPath decision_path(const Variable& logits, int depth);

/// The weight that the soft tree gives to the path: the product over it of sigmoid(|z|), [batch].
Variable path_probability(const Variable& logits);

/// y itself, with the straight-through gradient to the path's logits [batch, depth], 0 and 1 on the forward way: with
/// D_reached = dy . y and D_other = dy . (what the other side of the node would have answered),
///   dz = +-(D_reached - D_other) p (1 - p), + where the sample went right.
/// `others` [batch * depth, outputs] are those answers in the order of `groups`, which sends row b at choice l to the
/// leaf that the other side of its node at level l leads to; they get no gradient. It is the gradient that
/// Routing::straight_through of `tree_paths` gives to the nodes on the path, all others having none. Throws ShapeError.
Variable straight_through(const Variable& y, const Variable& logits, const Tensor& others, const Groups& groups);

}  // namespace canopy
