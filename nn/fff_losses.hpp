// Losses on the decisions of a fast feedforward layer, read from its last forward in training.
#pragma once

#include <string>
#include <string_view>

#include <canopy/nn/deferred_loss.hpp>
#include <canopy/nn/fff.hpp>

namespace canopy::nn {

/// How node entropies are summed to the hardening loss. Paper 1's text and code disagree; deep nodes differ most.
enum class Entropy {
  mean,      ///< mean over batch and nodes: the released code
  sum,       ///< sum over batch and nodes: the paper's text
  node_sum,  ///< sum over nodes of the mean over the batch
  path  ///< mean over the batch of the sum over nodes, each weighted by its reach probability (no gradient through it)
};

struct HardeningOptions {
  Entropy weighting = Entropy::mean;
};

/// The Bernoulli entropy (nats) of the node decisions, which hardening minimises. Paper 1, "Hardening"; path form: our
/// calibration. Where only decisions along the samples' paths are known (LossNodes::path) the terms of other nodes are
/// left out; the factors stay, so that a node on the path is hardened as strongly as with all. Computing it throws
/// Error if the layer has not run forward in training mode.
DeferredLoss hardening_loss(const FFF& layer, const HardeningOptions& options = {});

/// How uneven loads of the leaves are measured.
enum class Balance {
  entropy,   ///< the negative entropy of the mean load, sum over leaves of m ln m: least where all carry the same
  frequency  ///< leaves / batch^2 * sum over leaves of f_i P_i: paper 3, after the Switch Transformer
};

struct LoadBalanceOptions {
  Balance form = Balance::entropy;
};

/// Keeps leaves from being left unused. `frequency`: f_i is the number of samples whose hard decisions lead to leaf i
/// (no gradient), P_i the sum over the batch of its soft path probability, whatever the routing; 1 where either is
/// even. Along paths alone (LossNodes::path) P_i sums over the samples that reached leaf i. `entropy`: with hard
/// decisions (Routing::hard) a constant, without gradient. Paper 3 divides by the nominal batch size also for the last,
/// short batch; this by the actual one. Computing it throws Error if the layer has not run forward in training mode.
DeferredLoss load_balance_loss(const FFF& layer, const LoadBalanceOptions& options = {});

/// The mean over the batch of each node's entropy (nats) for x [batch, inputs]: [nodes] in heap order. Rounding nodes
/// below 0.10 barely changes the output (paper 1).
Tensor node_entropies(const FFF& layer, const Tensor& x);
/// The same for the batch of the last forward in training. Throws Error if there has been none, or if it followed one
/// path a sample.
Tensor node_entropies(const FFF& layer);

/// "mean", "sum", "node-sum", "path".
std::string to_string(Entropy weighting);
/// Throws ConfigError that lists the names.
Entropy entropy_from_string(std::string_view name);

}  // namespace canopy::nn
