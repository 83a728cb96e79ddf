// Losses on the decisions of routed layers. Each sums over the decisions of a trace that it is about and leaves out the
// others, so that it stands for a whole model; of a single layer where it is given that layer's decision. A layer of a
// single branch decides nothing: its losses are 0.
//
// A trace without any decision throws Error: most likely the loss was computed before the forward, in the same
// expression. So does an evaluation of a layer that the loss is about, of which the trace keeps no details. Decisions
// that were taken without recording (by a trace under NoRecord, inside of a recomputed function) are constants: their
// losses have a value and no gradient.
#pragma once

#include <string>

#include <canopy/nn/routed/routing_trace.hpp>

namespace canopy::nn {

/// How node entropies are summed to the hardening loss. Paper 1's text and code disagree; deep nodes differ most.
enum class EntropyWeighting {
  mean,      ///< mean over rows and nodes: the released code
  sum,       ///< sum over rows and nodes: the paper's text
  node_sum,  ///< sum over nodes of the mean over the rows
  path  ///< mean over the rows of the sum over nodes, each weighted by its reach probability (no gradient through it)
};

struct HardeningOptions {
  EntropyWeighting weighting = EntropyWeighting::mean;
};

/// The Bernoulli entropy (nats) of the node decisions of trees of paper 1, which hardening minimises. Paper 1,
/// "Hardening"; path form: our calibration. Where only decisions along the rows' paths are known (PathDecisions) the
/// terms of other nodes are left out; the factors stay, so that a node on the path is hardened as strongly as with all.
Variable hardening_loss(const RoutingTrace& trace, const HardeningOptions& options = {});
Variable hardening_loss(const RoutingDecision& decision, const HardeningOptions& options = {});

/// How uneven loads of the leaves are measured.
enum class BalanceForm {
  entropy,   ///< the negative entropy of the mean load, sum over leaves of m ln m: least where all carry the same
  frequency  ///< leaves / rows^2 * sum over leaves of f_i P_i: paper 3, after the Switch Transformer
};

struct LoadBalanceOptions {
  BalanceForm form = BalanceForm::entropy;
};

/// Keeps leaves, and ends of paths of the trees of paper 2, from being left unused. `frequency`: f_i is the number of
/// rows whose hard decisions lead to leaf i (no gradient), P_i the sum over the rows of its soft path probability,
/// whatever the routing; 1 where either is even. Along paths alone P_i sums over the rows that reached leaf i. Of trees
/// side by side, the mean of the trees. `entropy`: with hard decisions (Routing::hard, trees of paper 2) a constant,
/// without gradient. Paper 3 divides by the nominal batch size also for the last, short batch; this by the actual one.
Variable load_balance_loss(const RoutingTrace& trace, const LoadBalanceOptions& options = {});
Variable load_balance_loss(const RoutingDecision& decision, const LoadBalanceOptions& options = {});

/// Of a mixture in training (Shazeer et al. 2017, section 4): the sum over the rows of each expert's gate, [experts].
Variable expert_importance(const GateDecisions& gates);
/// A smooth count of the rows sent to each expert (the same, appendix A): the sum over the rows of the probability that
/// the expert is chosen if its noise is drawn again, [experts]. Where every expert is chosen, or without noise, the
/// count itself, which has no gradient.
Variable expert_load(const GateDecisions& gates);

/// The squared coefficient of variation of `expert_importance`, variance / (mean^2 + 1e-10) with the unbiased variance;
/// 0 for a single expert.
Variable importance_loss(const RoutingTrace& trace);
Variable importance_loss(const RoutingDecision& decision);
/// The same of `expert_load`.
Variable load_loss(const RoutingTrace& trace);
Variable load_loss(const RoutingDecision& decision);

/// The mean over the rows of each node's entropy (nats): [nodes] in heap order. Rounding nodes below 0.10 barely
/// changes the output (paper 1).
Tensor node_entropies(const TreeDecisions& tree);

/// "mean", "sum", "node-sum", "path".
std::string to_string(EntropyWeighting weighting);

}  // namespace canopy::nn
