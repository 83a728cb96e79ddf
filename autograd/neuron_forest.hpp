// Differentiable trees with a neuron at every node: the layer of paper 2 (Belcak and Wattenhofer 2023, "Exponentially
// Faster Language Modelling").
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/activation.hpp>

namespace canopy {

/// Trees side by side; each has depth + 1 levels and 2^(depth + 1) - 1 nodes in heap order. A row goes right where its
/// logit is above 0.
struct ForestShape {
  int trees = 1;
  int depth = 0;
  Activation activation = Activation::gelu;

  std::int64_t levels() const { return depth + 1; }
  std::int64_t nodes() const { return (std::int64_t{2} << depth) - 1; }  ///< of a tree
};

/// What a forest answers, and where its rows went.
struct NeuronPaths {
  Variable y;      ///< [batch, outputs]
  Indices bottom;  ///< [trees, batch]: where each path ends, 0 .. 2^depth - 1 from left to right
};

/// y = sum over the nodes k on the paths of f(x . w_in[k] + bias[k]) w_out[k], [batch, outputs]. x [batch, inputs],
/// w_in [trees * nodes, inputs], bias [trees * nodes] or an undefined Variable, w_out [trees * nodes, outputs].
///
/// Forward and backward touch the trees * levels nodes on a row's paths only, and give what the dense layer masked to
/// these nodes gives: the decisions themselves have no gradient. Gradients of w_in, bias and w_out are row-sparse.
/// Throws ShapeError.
NeuronPaths neuron_forest(const Variable& x, const Variable& w_in, const Variable& bias, const Variable& w_out,
                          const ForestShape& shape);

/// x . w_in[k] + bias[k] at the nodes k on the given paths, [trees * batch, depth + 1] from the root on, for losses on
/// the decisions. `bottom` [trees, batch] as `neuron_forest` gives it. Gradients are row-sparse. Throws ShapeError.
Variable path_logits(const Variable& x, const Variable& w_in, const Variable& bias, const Indices& bottom,
                     const ForestShape& shape);

/// The mask of the dense layer that the released code computes.
struct PathActivations {
  Variable values;  ///< [batch, trees * nodes]: f(logits) at the nodes on the paths and 0 elsewhere
  Indices bottom;   ///< [trees, batch]
};

/// From logits [batch, trees * nodes]. Throws ShapeError.
PathActivations path_activations(const Variable& logits, const ForestShape& shape);

}  // namespace canopy
