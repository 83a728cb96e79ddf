#include <canopy/nn/fff_losses.hpp>

#include <algorithm>

#include <canopy/autograd/arithmetic.hpp>
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

// sum over batch and leaves of S[b, i] w_i with w_i = leaves / batch^2 f_i
Variable load_frequency(const FFF& layer) {
  const Variable& logits = layer.decisions().logits;
  const std::int64_t batch = logits.extent(0);
  const Tensor hard = tree_paths(Variable(logits.value()), layer.options().depth, Routing::hard).path.value();
  Tensor weight({layer.leaves()});
  kernels::sum_axis(hard.data(), weight.mutable_data(), 1, batch, layer.leaves());
  const auto squared = static_cast<float>(std::max<std::int64_t>(batch * batch, 1));
  for (float& w : weight.mutable_elements()) w *= static_cast<float>(layer.leaves()) / squared;
  return sum(tree_paths(logits, layer.options().depth, Routing::soft).path * weight);
}

}  // namespace

DeferredLoss hardening_loss(const FFF& layer, const HardeningOptions& options) {
  return DeferredLoss([&layer, options] { return hardening(layer, options); });
}

DeferredLoss load_balance_loss(const FFF& layer, const LoadBalanceOptions& options) {
  return DeferredLoss([&layer, options] {
    return options.form == Balance::frequency ? load_frequency(layer) : negative_load_entropy(layer.decisions().path);
  });
}

Tensor node_entropies(const FFF& layer, const Tensor& x) {
  const NoRecord pause;
  const Tensor z = layer.node_logits(x).value();
  Tensor each(z.shape());
  kernels::node_entropies(z.data(), z.size(), each.mutable_data());
  Tensor result({layer.nodes()});
  kernels::sum_axis(each.data(), result.mutable_data(), 1, z.extent(0), layer.nodes());
  for (float& v : result.mutable_elements()) v /= static_cast<float>(std::max<std::int64_t>(z.extent(0), 1));
  return result;
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
