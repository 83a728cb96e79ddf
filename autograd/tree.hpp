// Differentiable trees: decisions, the mixture of leaves, and the losses on them. Paper 1 (Fast Feedforward Networks).
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// How a tree decides while training.
enum class Routing {
  soft,              ///< the mixture of all leaves, weighted by the probability of their paths
  hard,              ///< one leaf a sample; decisions are constants, so nodes learn from losses on the tree alone
  straight_through,  ///< forward as hard; backward with the sigmoid's slope at each hard decision, from all leaves
  /// The same from depth + 1 leaves a sample: those that the other sides of the path's nodes lead to are the only ones
  /// that the gradient of the path's nodes depends on. Other nodes have none in either form.
  sparse_straight_through
};

/// What `tree_paths` computes. `nodes` = 2^depth - 1, `leaves` = 2^depth.
struct TreePaths {
  Variable path;  ///< [batch, leaves]: the weight of each leaf, rows sum to 1
  Tensor reach;   ///< [batch, nodes]: the weight with which a sample reaches each node
};

/// Paths through the tree from node logits [batch, nodes] in heap order; sigmoid(logit) is the weight of the right
/// child, hard decisions go right where logit >= 0. Dense: both forms of straight-through are one here. Throws
/// ShapeError if the logits do not fit `depth`.
TreePaths tree_paths(const Variable& logits, int depth, Routing routing);

/// y = sum over leaves of path (hidden_leaf W2_leaf + b2_leaf), [batch, outputs]. path [batch, leaves], hidden
/// [batch, leaves * leaf_width], w2 [leaves, leaf_width, outputs], b2 [leaves, outputs]. Throws ShapeError.
Variable leaf_mixture(const Variable& path, const Variable& hidden, const Variable& w2, const Variable& b2);

/// scale * sum over batch and nodes of weight * H(sigmoid(logits)) in nats, one number. `weight` has the shape of
/// `logits` and no gradient; an empty one means 1 everywhere.
Variable node_entropy(const Variable& logits, const Tensor& weight, float scale);

/// sum over leaves of m ln max(m, 1e-12) with m the batch mean of path: the negative entropy of the mean load, least
/// where all leaves carry the same. The gradient is that of m ln m, with the same logarithm.
Variable negative_load_entropy(const Variable& path);

}  // namespace canopy
