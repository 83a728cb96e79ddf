// The fast feedforward layer of paper 1 (Belcak and Wattenhofer 2023): a differentiable binary tree over small leaves.
#pragma once

#include <optional>

#include <canopy/autograd/grouped.hpp>
#include <canopy/autograd/tree.hpp>
#include <canopy/core/activation.hpp>
#include <canopy/core/kernels/routing.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/routed/master_leaf.hpp>
#include <canopy/nn/routed/routed_layer.hpp>

namespace canopy::nn {

using canopy::Routing;

/// The nodes that losses on the tree see where training follows one path a sample (Routing::hard,
/// Routing::sparse_straight_through); with the other routings they always see all.
enum class LossNodes {
  path,  ///< those on each sample's path: d dot products a sample
  all    ///< all, 2^d - 1 dot products a sample
};

struct FFFOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  int depth = 0;                             ///< 2^depth leaves; 0 is a plain feedforward layer
  std::int64_t leaf_width = 0;               ///< hidden neurons of a leaf
  Activation activation = Activation::relu;  ///< of the leaves' hidden neurons
  float dropout = 0.f;                       ///< of the leaves' hidden values, in training
  /// Region leak (randomised child transposition): the probability that a node exchanges its children for a sample, in
  /// training; applied before anything else reads the decision, the entropy included. Paper 1, "Overfragmentation".
  float region_leak = 0.f;
  LossNodes loss_nodes = LossNodes::path;
  std::int64_t master_leaf_width = 0;      ///< of paper 3's master leaf (8 there); 0: none
  MasterMix master_mix = MasterMix::tree;  ///< what the trainable share weighs
};

/// Training computes y = sum over leaves of path(leaf) leaf(x), where path is the product of sigmoid(w_k . x + b_k)
/// (right) or its complement (left) on the way; evaluation follows the larger side and computes one leaf a sample,
/// output bias included. Training with hard decisions computes one leaf a sample, too, forward and backward: the
/// gradients of leaves and nodes are row-sparse then, zero for those that no sample reached, and nodes learn from the
/// hardening and load balance losses alone.
///
/// x [..., inputs] -> y [..., outputs]. Parameters, as in the released package:
/// `node_weights` [2^d - 1, inputs], `node_biases` [2^d - 1, 1], `w1s` [2^d, inputs, leaf_width], `b1s` [2^d,
/// leaf_width], `w2s` [2^d, leaf_width, outputs], `b2s` [2^d, outputs]. Initialised as released: uniform in
/// +-1/sqrt(inputs), w2s and b2s in +-1/sqrt(leaf_width). With a master leaf also `master_w1` [inputs, width],
/// `master_b1`, `master_w2` [width, outputs], `master_b2`, initialised likewise (with leaf_width, as released, not with
/// the master's own), and `master_mix_logit` [1], which starts at 0.5. In memory w1s is [2^d, leaf_width, inputs], so
/// that a hidden neuron's weights are one row.
class FFF : public RoutedLayer {
 public:
  using Options = FFFOptions;
  /// Throws ConfigError for sizes below 1, a depth outside 0..deepest_tree, or probabilities outside [0, 1).
  explicit FFF(const FFFOptions& options);

  /// The mixture of all leaves without dropout or leak, in either mode: what the soft tree would answer.
  Variable forward_soft(const Variable& x) const;

  /// w_k . x + b_k of every node for x [rows, inputs]: [rows, nodes] in heap order.
  Variable node_logits(const Variable& x) const;

  struct Inference {
    Tensor y;      ///< [..., outputs]
    Indices leaf;  ///< [rows]: the leaf each row was sent to
  };
  /// Hard inference: d + leaf_width neurons a sample, and the master leaf. Thread-safe, records nothing.
  Inference infer(const Tensor& x) const;

  const FFFOptions& options() const { return options_; }
  std::int64_t leaves() const { return std::int64_t{1} << options_.depth; }
  std::int64_t nodes() const { return leaves() - 1; }
  std::int64_t inputs() const override { return options_.inputs; }
  std::int64_t branches() const override { return leaves(); }
  RoutedParameters routed_parameters() const override;
  FFF* soft_tree() override { return this; }
  const FFF* soft_tree() const override { return this; }

  /// How decisions are taken in training; soft at first.
  void set_routing(Routing routing) { routing_ = routing; }
  Routing routing() const { return routing_; }
  /// The paper's h = infinity: boundaries stay as they are, decisions are hard.
  void freeze_tree();

  /// Node parameters for writing in place, as tree initialisation does: [nodes, inputs] and [nodes, 1].
  Variable node_weights() const { return node_weights_; }
  Variable node_biases() const { return node_biases_; }

  Architecture architecture() const override;

 protected:
  /// Training: by `routing()`, with gradients. Evaluation: hard inference, unless SoftInference is on; on a recording
  /// tape with the gradients of Routing::hard.
  Variable forward_rows(const Variable& x) const override;
  const char* kind() const override { return "FFF"; }

 private:
  kernels::DecisionTree tree() const;
  Variable hidden_dropout(const Variable& hidden, bool training) const;
  Variable all_leaves(const Variable& x, const Variable& path, bool training) const;
  Variable chosen_leaves(const Variable& x, const Groups& groups, RowOrder output, bool training) const;
  Variable with_master(const Variable& x, const Variable& y) const;
  Variable mixture(const Variable& x) const;
  Variable evaluate(const Variable& x) const;
  Variable forward_dense(const Variable& x) const;
  Variable forward_path(const Variable& x) const;
  Groups other_leaves(const Variable& x, const Indices& leaf) const;
  Groups other_leaves_by_logits(const Variable& logits, const Indices& leaf) const;
  Tensor leak(const Shape& shape) const;

  FFFOptions options_;
  Routing routing_ = Routing::soft;
  Variable node_weights_, node_biases_;
  Variable w1_, b1_, w2_, b2_;
  std::optional<MasterLeaf> master_;
};

}  // namespace canopy::nn
