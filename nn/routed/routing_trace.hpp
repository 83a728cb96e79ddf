// What the routed layers of a model decided in a forward: read by losses on routing, by counts of loads, by whoever
// wants to see where a row went.
//
//   RoutingTrace trace;                    // collects on this thread until it dies
//   const Variable logits = model(tokens);
//   Variable loss = cross_entropy(logits, labels) + 0.3f * hardening_loss(trace) + 0.03f * load_balance_loss(trace);
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <canopy/autograd/grouped.hpp>
#include <canopy/autograd/variable.hpp>
#include <canopy/nn/routed/routed_layer.hpp>

namespace canopy::nn {

/// A tree of paper 1 that decided at all of its nodes.
struct TreeDecisions {
  int depth = 0;
  Variable logits;                ///< [rows, nodes] in heap order, after region leak
  Variable path;                  ///< [rows, leaves]: the weight of each leaf's answer
  Tensor reach;                   ///< [rows, nodes]: the weight with which a row reaches each node, without gradient
  std::optional<Indices> leaf{};  ///< [rows]: where hard decisions lead, if that is known without looking for it
};

/// A tree of paper 1 that decided along each row's path alone, where the row's reach is 1.
struct PathDecisions {
  int depth = 0;
  Variable logits;                 ///< [rows, depth], from the root on, after region leak
  Indices leaf;                    ///< [rows]
  std::optional<Groups> others{};  ///< Routing::sparse_straight_through: the leaves that the other sides lead to
};

/// The trees of paper 2.
struct ForestDecisions {
  int depth = 0;
  Indices bottom;  ///< [trees, rows]: where each path ends, 0 .. 2^depth - 1 from left to right
  /// Computes [trees * rows, depth], the logits that decided, with gradients; the layer's output has none for them.
  std::function<Variable()> logits;
};

/// A noisy top-k mixture.
struct GateDecisions {
  Variable clean;      ///< [rows, experts]: the logits without noise
  Variable deviation;  ///< [rows, experts]: of the noise; undefined where the layer has none
  Variable largest;    ///< [rows, min(k + 1, experts)]: the largest logits, noise included, descending; [rows, k] in
                       ///< evaluation
  Indices chosen;      ///< [rows, k]
  Groups groups;       ///< rows by expert
  Variable gates;      ///< [rows, k]
};

/// Where an evaluation sent its rows; how it came to that is kept by a trace with `details`.
struct ChosenBranches {
  Indices chosen;  ///< [rows, k], the one that weighs most first
};

using Decisions = std::variant<TreeDecisions, PathDecisions, ForestDecisions, GateDecisions, ChosenBranches>;

/// What one layer decided for the rows of one forward.
struct RoutingDecision {
  const RoutedLayer* layer;
  Decisions how;
  Tensor inputs = {};  ///< [rows, inputs] that the layer read, where the trace keeps them

  std::int64_t rows() const;
  /// [rows, k]: the branches that each row went to, of a soft tree the leaf that its larger sides lead to; the one that
  /// weighs most first, of several trees one of each, numbered on from tree to tree.
  Indices chosen() const;
};

struct RoutingTraceOptions {
  bool details = false;  ///< in evaluation, too, keep the logits of gates and of all nodes of trees of paper 1
  bool inputs = false;   ///< keep what each layer read
};

/// Collects the decisions of every routed layer on this thread, in the order of their forwards, from its construction
/// to its end, on the same thread. Traces nest: the innermost collects, but not what runs under a NoRecord that began
/// after it, such as an evaluation in the midst of a training step. The layers must outlive it.
class RoutingTrace {
 public:
  explicit RoutingTrace(const RoutingTraceOptions& options = {});
  ~RoutingTrace();
  RoutingTrace(const RoutingTrace&) = delete;
  RoutingTrace& operator=(const RoutingTrace&) = delete;

  const RoutingTraceOptions& options() const { return options_; }
  const std::vector<RoutingDecision>& decisions() const { return decisions_; }
  /// The last decision of this layer. Throws Error if it made none.
  const RoutingDecision& at(const RoutedLayer& layer) const;
  /// The last decision of the layer of this full name. Throws Error, with the names there are, if there is none.
  const RoutingDecision& at(const std::string& layer) const;
  /// For the next forward.
  void clear() { decisions_.clear(); }

  /// The trace that collects on this thread; null if there is none, or a NoRecord began after it. Where recompute()
  /// calls a function for the second time, only a trace that the function made itself: the others have collected these
  /// decisions already.
  static RoutingTrace* live();
  /// For routed layers: what `layer` decided for x [rows, inputs].
  void add(const RoutedLayer& layer, const Variable& x, Decisions how);

 private:
  RoutingTraceOptions options_;
  bool recomputing_;
  int pauses_;  // of recording, where it began
  // Mutable because a trace that its reader declares const is written to all the same: by the layers, through live(),
  // and by the end of the trace around it.
  mutable RoutingTrace* outer_;
  mutable std::vector<RoutingDecision> decisions_;
};

}  // namespace canopy::nn
