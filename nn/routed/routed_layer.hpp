// What layers that send rows to branches share: fast feedforward layers (leaves), trees of neurons (ends of paths),
// mixtures (experts).
#pragma once

#include <cstdint>
#include <vector>

#include <canopy/nn/module.hpp>

namespace canopy::nn {

class FFF;
struct RoutingDecision;

/// Levels of decisions of a tree, at most: beyond them, branches outnumber what any machine holds.
inline constexpr int deepest_tree = 24;

/// The parameters of a routed layer by what one row along their first axis belongs to.
struct RoutedParameters {
  std::vector<Variable> nodes;     ///< a decision, or a neuron of a tree of neurons
  std::vector<Variable> branches;  ///< a leaf or an expert
  std::vector<Variable> shared;    ///< every row of the input: a gate, a master leaf
};

/// y [..., outputs] of x [..., inputs]: each row, that is each vector along the last axis, is sent to some of the
/// branches and computed by them alone. What a forward decided goes to the RoutingTrace of its thread, if there is one;
/// the layer itself remembers nothing, so that one model serves many threads.
class RoutedLayer : public Layer {
 public:
  /// Throws ShapeError unless x is [..., inputs].
  Variable forward(const Variable& x) const final;

  virtual std::int64_t inputs() const = 0;
  /// Leaves, ends of paths of all trees, experts.
  virtual std::int64_t branches() const = 0;
  /// The trees that the branches belong to, as many to each, where every row takes a branch of each; otherwise 1.
  virtual std::int64_t trees() const { return 1; }
  virtual RoutedParameters routed_parameters() const = 0;

  /// This layer as a tree of paper 1, whose decisions are trained: its routing can be set, frozen, initialised from
  /// data. Null for the others, which decide in one way only.
  virtual FFF* soft_tree() { return nullptr; }
  virtual const FFF* soft_tree() const { return nullptr; }

  RoutedLayer* as_routed() override { return this; }
  const RoutedLayer* as_routed() const override { return this; }

 protected:
  /// forward of x [rows, inputs], gradients included.
  virtual Variable forward_rows(const Variable& x) const = 0;
  /// The class, for messages.
  virtual const char* kind() const = 0;

  /// The rows of an input of the shape [..., inputs]. Throws ShapeError.
  std::int64_t row_count(const Shape& x) const;
  /// x [..., inputs] as [rows, inputs]. Throws ShapeError.
  Variable rows_of(const Variable& x) const;
};

/// Every routed layer of a model, itself included, in the order of registration, each once.
std::vector<RoutedLayer*> routed_layers(Module& model);
std::vector<const RoutedLayer*> routed_layers(const Module& model);
/// Those that are trees of paper 1.
std::vector<FFF*> soft_trees(Module& model);

/// While it lives, trees of paper 1 in evaluation mode on this thread answer as the mixture of all their leaves, which
/// is what training hardens, and not by one leaf.
class SoftInference {
 public:
  SoftInference();
  ~SoftInference();
  SoftInference(const SoftInference&) = delete;
  SoftInference& operator=(const SoftInference&) = delete;

  static bool is_on();
};

}  // namespace canopy::nn
