// The layer of paper 2 (Belcak and Wattenhofer 2023, "Exponentially Faster Language Modelling"): trees with a neuron at
// every node.
#pragma once

#include <canopy/autograd/neuron_forest.hpp>
#include <canopy/core/activation.hpp>
#include <canopy/nn/routed/routed_layer.hpp>

namespace canopy::nn {

struct TreeFFFOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  int trees = 1;
  int depth = 0;  ///< edges from root to bottom: depth + 1 levels; "1x11" of the paper is one tree of depth 11
  Activation activation = Activation::gelu;
  bool bias = true;  ///< of the inputs, part of the logits; the paper's text has none, its training code has one
};

/// y = sum over trees and over the nodes on a row's path of f(z_k) v_k with z_k = w_k . x + b_k; the path goes right
/// where z_k > 0. Of trees * (2^(depth+1) - 1) neurons a row computes trees * (depth + 1), in training as in inference
/// and in both directions: the released code computes all of them and masks.
///
/// x [..., inputs] -> y [..., outputs]. Parameters, as in the released code: `linear_in.weight` [trees * nodes,
/// inputs], `linear_in.bias` [trees * nodes], `linear_out.weight` [outputs, trees * nodes] (in memory the other way
/// round, so that a node's output weights are one row). Initialised as released: uniform in +-1/sqrt(inputs), output
/// weights in +-1/sqrt((depth + 1) trees). Trees of up to depth 2, which use three
/// of seven neurons or more, are computed as the masked dense layer, because that is faster; deeper ones have
/// row-sparse gradients.
class TreeFFF : public RoutedLayer {
 public:
  using Options = TreeFFFOptions;
  /// Throws ConfigError for sizes below 1 or a depth outside 0..deepest_tree.
  explicit TreeFFF(const TreeFFFOptions& options);

  /// The same for x [rows, inputs] by computing all neurons and masking, as released: the slow twin.
  Variable forward_masked(const Variable& x) const;

  struct Inference {
    Tensor y;        ///< [..., outputs]
    Indices bottom;  ///< [trees, rows]: where each path ends, 0 .. 2^depth - 1 from left to right
  };
  /// The conditional computation, whatever the depth. Thread-safe, records nothing.
  Inference infer(const Tensor& x) const;

  const TreeFFFOptions& options() const { return options_; }
  std::int64_t nodes() const { return shape_.nodes(); }              ///< of a tree
  std::int64_t neurons() const { return options_.trees * nodes(); }  ///< of the layer
  std::int64_t inputs() const override { return options_.inputs; }
  std::int64_t branches() const override { return options_.trees * (std::int64_t{1} << options_.depth); }
  std::int64_t trees() const override { return options_.trees; }
  RoutedParameters routed_parameters() const override { return {.nodes = parameters(), .branches = {}, .shared = {}}; }

  Architecture architecture() const override;

 protected:
  Variable forward_rows(const Variable& x) const override;
  const char* kind() const override { return "TreeFFF"; }

 private:
  NeuronPaths masked(const Variable& x) const;

  TreeFFFOptions options_;
  ForestShape shape_;
  Parameters linear_in_, linear_out_;
  Variable w_in_, bias_, w_out_;
};

}  // namespace canopy::nn
