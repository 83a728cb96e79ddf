#include <canopy/nn/fff_losses.hpp>

#include <algorithm>
#include <cmath>
#include <span>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/reductions.hpp>
#include <canopy/core/kernels/tree.hpp>

#include <fmt/format.h>

namespace canopy::nn {

namespace {

Variable hardening(const FFF& layer, const HardeningOptions& options) {
  const FFF::Decisions& decisions = layer.decisions();
  const auto batch = static_cast<float>(std::max<std::int64_t>(decisions.logits.extent(0), 1));
  const auto nodes = static_cast<float>(std::max<std::int64_t>(layer.nodes(), 1));
  switch (options.weighting) {
    case Entropy::mean:
      return node_entropy(decisions.logits, {}, 1.f / (batch * nodes));
    case Entropy::sum:
      return node_entropy(decisions.logits, {}, 1.f);
    case Entropy::node_sum:
      return node_entropy(decisions.logits, {}, 1.f / batch);
    case Entropy::path:
      return node_entropy(decisions.logits, decisions.reach, 1.f / batch);
  }
  throw ConfigError("hardening_loss: unknown weighting");
}

// The leaf that each sample's hard decisions lead to.
Indices leaves_reached(const FFF& layer) {
  const FFF::Decisions& decisions = layer.decisions();
  if (!decisions.leaf.empty()) return decisions.leaf;
  return decision_path(Variable(decisions.logits.value()), layer.options().depth).leaf;
}

Tensor counts(const Indices& leaf, std::int64_t leaves) {
  Tensor count = Tensor::zeros({leaves});
  for (const std::int32_t i : leaf.elements()) count.mutable_data()[i] += 1.f;
  return count;
}

// sum over batch and leaves of S[b, i] w_i with w_i = leaves / batch^2 f_i
Variable load_frequency(const FFF& layer) {
  const FFF::Decisions& decisions = layer.decisions();
  const std::int64_t batch = decisions.logits.extent(0);
  const Indices leaf = leaves_reached(layer);
  Tensor weight = counts(leaf, layer.leaves());
  const auto squared = static_cast<float>(std::max<std::int64_t>(batch * batch, 1));
  for (float& w : weight.mutable_elements()) w *= static_cast<float>(layer.leaves()) / squared;
  if (!decisions.along) {
    return sum(tree_paths(decisions.logits, layer.options().depth, Routing::soft).path * weight);
  }
  Tensor weight_of_sample({batch});
  for (std::int64_t b = 0; b < batch; ++b) weight_of_sample.mutable_data()[b] = weight.data()[leaf.data()[b]];
  return sum(path_probability(decisions.logits) * weight_of_sample);
}

Variable load_entropy(const FFF& layer) {
  const FFF::Decisions& decisions = layer.decisions();
  if (!decisions.along) return negative_load_entropy(decisions.path);
  const auto batch = static_cast<float>(std::max<std::int64_t>(decisions.leaf.size(), 1));
  Tensor load = counts(decisions.leaf, layer.leaves());
  for (float& m : load.mutable_elements()) m /= batch;
  const Tensor value = negative_load_entropy(load.reshape({1, layer.leaves()})).value();
  if (!decisions.others) return value;
  // Straight through: a sample at leaf i adds its slope (1 + ln m_i) / batch, at another leaf it would add that one's.
  const auto slopes = [&](std::span<const std::int32_t> leaves) {
    Tensor slope({static_cast<std::int64_t>(leaves.size()), 1});
    std::ranges::transform(leaves, slope.mutable_data(), [&](std::int32_t leaf) {
      return (1.f + std::log(std::max(load.data()[leaf], 1e-12f))) / batch;
    });
    return slope;
  };
  const Tensor reached = slopes(decisions.leaf.elements());
  const Groups& groups = *decisions.others;
  Indices other({groups.items()});
  for (std::int64_t u = 0; u < groups.sorted().used.size(); ++u) {
    const std::int32_t* begin = groups.sorted().begin.data() + u;
    std::fill(other.mutable_data() + begin[0], other.mutable_data() + begin[1], groups.sorted().used.data()[u]);
  }
  const Variable change = sum(straight_through(reached, decisions.logits, slopes(other.elements()), groups));
  return change + (value.item() - change.value().item());
}

// Of logits [batch, nodes], over the batch: [nodes].
Tensor mean_entropies(const Tensor& z) {
  Tensor each(z.shape());
  kernels::node_entropies(z.data(), z.size(), each.mutable_data());
  Tensor result({z.extent(1)});
  kernels::sum_axis(each.data(), result.mutable_data(), 1, z.extent(0), z.extent(1));
  for (float& v : result.mutable_elements()) v /= static_cast<float>(std::max<std::int64_t>(z.extent(0), 1));
  return result;
}

}  // namespace

DeferredLoss hardening_loss(const FFF& layer, const HardeningOptions& options) {
  return DeferredLoss([&layer, options] { return hardening(layer, options); });
}

DeferredLoss load_balance_loss(const FFF& layer, const LoadBalanceOptions& options) {
  return DeferredLoss(
      [&layer, options] { return options.form == Balance::frequency ? load_frequency(layer) : load_entropy(layer); });
}

Tensor node_entropies(const FFF& layer, const Tensor& x) {
  const NoRecord pause;
  return mean_entropies(layer.node_logits(x).value());
}

Tensor node_entropies(const FFF& layer) {
  const FFF::Decisions& decisions = layer.decisions();
  if (decisions.along) throw Error("node_entropies: training followed one path a sample and knows no other nodes");
  return mean_entropies(decisions.logits.value());
}

std::string to_string(Entropy weighting) {
  switch (weighting) {
    case Entropy::mean:
      return "mean";
    case Entropy::sum:
      return "sum";
    case Entropy::node_sum:
      return "node-sum";
    case Entropy::path:
      return "path";
  }
  return {};
}

Entropy entropy_from_string(std::string_view name) {
  for (const Entropy weighting : {Entropy::mean, Entropy::sum, Entropy::node_sum, Entropy::path}) {
    if (to_string(weighting) == name) return weighting;
  }
  throw ConfigError(fmt::format("'{}' is no weighting of the hardening loss; known: mean, sum, node-sum, path", name));
}

}  // namespace canopy::nn
