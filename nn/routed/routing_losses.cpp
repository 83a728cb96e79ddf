#include <canopy/nn/routed/routing_losses.hpp>

#include <algorithm>
#include <cmath>
#include <span>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/top_k.hpp>
#include <canopy/autograd/tree.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/reductions.hpp>
#include <canopy/core/kernels/tree.hpp>

#include <fmt/format.h>

namespace canopy::nn {

namespace {

// What stands for a loss where a layer has none.
Variable none() { return Tensor::scalar(0.f); }

// A layer of one branch, or of trees of one each, does not.
bool decides(const RoutingDecision& decision) { return decision.layer->branches() > decision.layer->trees(); }

// A zero would be a wrong answer to what is not known: of trees, or of the other layers.
void require_details(const RoutingDecision& decision, bool of_trees, const char* name) {
  const bool is_tree = decision.layer->soft_tree() != nullptr;
  if (!std::holds_alternative<ChosenBranches>(decision.how) || is_tree != of_trees) return;
  throw Error(
      fmt::format("{}: the layer \"{}\" is in evaluation mode, of which only a RoutingTrace with details keeps "
                  "how it decided",
                  name, decision.layer->name()));
}

template <class Loss>
Variable sum_over(const RoutingTrace& trace, const char* name, const Loss& loss) {
  if (trace.decisions().empty()) {
    throw Error(
        fmt::format("{}: the trace holds no decision; run the model forward first, in a statement of its own", name));
  }
  Variable total;
  for (const RoutingDecision& decision : trace.decisions()) {
    const Variable term = loss(decision);
    total = total.is_defined() ? total + term : term;
  }
  return total;
}

std::int64_t leaves_of(int depth) { return std::int64_t{1} << depth; }

float count(std::int64_t n) { return static_cast<float>(std::max<std::int64_t>(n, 1)); }

// Of logits [rows, n], each weighted by its reach (an empty one: 1) where that is asked for.
Variable hardening(const Variable& logits, const Tensor& reach, int depth, EntropyWeighting weighting) {
  const float rows = count(logits.extent(0)), nodes = count(leaves_of(depth) - 1);
  switch (weighting) {
    case EntropyWeighting::mean:
      return node_entropy(logits, {}, 1.f / (rows * nodes));
    case EntropyWeighting::sum:
      return node_entropy(logits, {}, 1.f);
    case EntropyWeighting::node_sum:
      return node_entropy(logits, {}, 1.f / rows);
    case EntropyWeighting::path:
      return node_entropy(logits, reach, 1.f / rows);
  }
  throw ConfigError("hardening_loss: unknown weighting");
}

Tensor counts(const Indices& leaf, std::int64_t leaves) {
  Tensor load = Tensor::zeros({leaves});
  for (const std::int32_t i : leaf.elements()) load.mutable_data()[i] += 1.f;
  return load;
}

// w_i = leaves / rows^2 f_i for each branch i of trees with so many leaves
Tensor frequency_weights(const Indices& leaf, std::int64_t branches, int depth, std::int64_t rows) {
  Tensor weight = counts(leaf, branches);
  const float factor = static_cast<float>(leaves_of(depth)) / count(rows * rows);
  for (float& w : weight.mutable_elements()) w *= factor;
  return weight;
}

// sum over the rows of the soft probability of the path that the row took, times the weight of its leaf
Variable weighted_paths(const Variable& logits, const Indices& leaf, const Tensor& weight) {
  Tensor weight_of_row({leaf.size()});
  std::ranges::transform(leaf.elements(), weight_of_row.mutable_data(),
                         [&](std::int32_t i) { return weight.data()[i]; });
  return sum(path_probability(logits) * weight_of_row);
}

Variable load_frequency(const TreeDecisions& tree, const Indices& leaf) {
  const Tensor weight = frequency_weights(leaf, leaves_of(tree.depth), tree.depth, leaf.size());
  return sum(tree_paths(tree.logits, tree.depth, Routing::soft).path * weight);
}

Variable load_frequency(const PathDecisions& path) {
  const std::int64_t rows = path.leaf.size();
  return weighted_paths(path.logits, path.leaf, frequency_weights(path.leaf, leaves_of(path.depth), path.depth, rows));
}

// Each row once for each tree, whose leaves are its own.
Variable load_frequency(const ForestDecisions& forest, std::int64_t branches) {
  const std::int64_t trees = forest.bottom.extent(0), rows = forest.bottom.extent(1);
  Indices leaf({trees * rows});
  std::int32_t* out = leaf.mutable_data();
  for (std::int64_t i = 0; i < leaf.size(); ++i) {
    out[i] = static_cast<std::int32_t>((i / rows) << forest.depth) + forest.bottom.data()[i];
  }
  const Tensor weight = frequency_weights(leaf, branches, forest.depth, rows);
  return weighted_paths(forest.logits(), leaf, weight) / static_cast<float>(trees);
}

// m ln m of hard loads m, which are constants; straight through they have a slope all the same.
Variable load_entropy(const PathDecisions& path) {
  const std::int64_t leaves = leaves_of(path.depth);
  const float rows = count(path.leaf.size());
  Tensor load = counts(path.leaf, leaves);
  for (float& m : load.mutable_elements()) m /= rows;
  const Tensor value = negative_load_entropy(load.reshape({1, leaves})).value();
  if (!path.others) return value;
  // Straight through: a row at leaf i adds its slope (1 + ln m_i) / rows, at another leaf it would add that one's.
  const auto slopes = [&](std::span<const std::int32_t> at) {
    Tensor slope({static_cast<std::int64_t>(at.size()), 1});
    std::ranges::transform(at, slope.mutable_data(), [&](std::int32_t leaf) {
      return (1.f + std::log(std::max(load.data()[leaf], 1e-12f))) / rows;
    });
    return slope;
  };
  const Tensor reached = slopes(path.leaf.elements());
  const Groups& groups = *path.others;
  Indices other({groups.items()});
  for (std::int64_t u = 0; u < groups.sorted().used.size(); ++u) {
    const std::int32_t* begin = groups.sorted().begin.data() + u;
    std::fill(other.mutable_data() + begin[0], other.mutable_data() + begin[1], groups.sorted().used.data()[u]);
  }
  const Variable change = sum(straight_through(reached, path.logits, slopes(other.elements()), groups));
  return change + (value.item() - change.value().item());
}

Variable load_entropy(const ForestDecisions& forest, const Indices& chosen, std::int64_t branches) {
  Tensor load = counts(chosen, branches);
  for (float& m : load.mutable_elements()) m /= count(forest.bottom.extent(1));
  return negative_load_entropy(load.reshape({1, branches})) / static_cast<float>(forest.bottom.extent(0));
}

Variable squared_variation(const Variable& x) {
  if (x.size() < 2) return none();
  const Variable average = mean(x);
  const Variable variance = sum(square(x - average)) / static_cast<float>(x.size() - 1);
  return variance / (square(average) + 1e-10f);
}

}  // namespace

Variable hardening_loss(const RoutingDecision& decision, const HardeningOptions& options) {
  if (!decides(decision)) return none();
  require_details(decision, true, "hardening_loss");
  if (const auto* tree = std::get_if<TreeDecisions>(&decision.how)) {
    return hardening(tree->logits, tree->reach, tree->depth, options.weighting);
  }
  if (const auto* path = std::get_if<PathDecisions>(&decision.how)) {
    return hardening(path->logits, {}, path->depth, options.weighting);
  }
  return none();
}

Variable load_balance_loss(const RoutingDecision& decision, const LoadBalanceOptions& options) {
  if (!decides(decision)) return none();
  require_details(decision, true, "load_balance_loss");
  const bool frequency = options.form == BalanceForm::frequency;
  if (const auto* tree = std::get_if<TreeDecisions>(&decision.how)) {
    return frequency ? load_frequency(*tree, decision.chosen().reshape({decision.rows()}))
                     : negative_load_entropy(tree->path);
  }
  if (const auto* path = std::get_if<PathDecisions>(&decision.how)) {
    return frequency ? load_frequency(*path) : load_entropy(*path);
  }
  if (const auto* forest = std::get_if<ForestDecisions>(&decision.how)) {
    const std::int64_t branches = decision.layer->branches();
    return frequency ? load_frequency(*forest, branches) : load_entropy(*forest, decision.chosen(), branches);
  }
  return none();
}

Variable expert_importance(const GateDecisions& gates) { return sum_by_group(gates.gates, gates.groups); }

Variable expert_load(const GateDecisions& gates) {
  const std::int64_t k = gates.chosen.extent(1);
  if (!gates.deviation.is_defined() || k == gates.groups.count()) {
    return sum_by_group(Tensor(gates.chosen.shape(), 1.f), gates.groups);
  }
  const Variable thresholds = slice(gates.largest, 1, k - 1, k + 1);
  return sum(top_k_probability(gates.clean, gates.deviation, thresholds, gates.chosen), 0);
}

Variable importance_loss(const RoutingDecision& decision) {
  require_details(decision, false, "importance_loss");
  const auto* gates = std::get_if<GateDecisions>(&decision.how);
  return gates == nullptr ? none() : squared_variation(expert_importance(*gates));
}

Variable load_loss(const RoutingDecision& decision) {
  require_details(decision, false, "load_loss");
  const auto* gates = std::get_if<GateDecisions>(&decision.how);
  return gates == nullptr ? none() : squared_variation(expert_load(*gates));
}

Variable hardening_loss(const RoutingTrace& trace, const HardeningOptions& options) {
  return sum_over(trace, "hardening_loss", [&](const auto& decision) { return hardening_loss(decision, options); });
}

Variable load_balance_loss(const RoutingTrace& trace, const LoadBalanceOptions& options) {
  return sum_over(trace, "load_balance_loss",
                  [&](const auto& decision) { return load_balance_loss(decision, options); });
}

Variable importance_loss(const RoutingTrace& trace) {
  return sum_over(trace, "importance_loss", [](const auto& decision) { return importance_loss(decision); });
}

Variable load_loss(const RoutingTrace& trace) {
  return sum_over(trace, "load_loss", [](const auto& decision) { return load_loss(decision); });
}

Tensor node_entropies(const TreeDecisions& tree) {
  const Tensor& z = tree.logits.value();
  Tensor each(z.shape());
  kernels::node_entropies(z.data(), z.size(), each.mutable_data());
  Tensor result({z.extent(1)});
  kernels::sum_axis(each.data(), result.mutable_data(), 1, z.extent(0), z.extent(1));
  for (float& v : result.mutable_elements()) v /= count(z.extent(0));
  return result;
}

std::string to_string(EntropyWeighting weighting) {
  switch (weighting) {
    case EntropyWeighting::mean:
      return "mean";
    case EntropyWeighting::sum:
      return "sum";
    case EntropyWeighting::node_sum:
      return "node-sum";
    case EntropyWeighting::path:
      return "path";
  }
  return {};
}

}  // namespace canopy::nn
