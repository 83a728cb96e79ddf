#include <canopy/nn/routed/routing_usage.hpp>

#include <algorithm>

namespace canopy::nn {
namespace {

std::int64_t rows_of(const std::vector<Variable>& parameters) {
  return parameters.empty() ? 0 : parameters.front().extent(0);
}

// sums[j] += sum over the rows of x [rows, n]
void add_rows(const Tensor& x, Tensor& sums) {
  float* out = sums.mutable_data();
  for (std::int64_t i = 0; i < x.size(); ++i) out[i % sums.size()] += x.data()[i];
}

// The branches that rows were sent to and the nodes on their ways: `levels` of them in each of the trees, which are
// `nodes` apart.
void count(const Indices& chosen, int depth, int levels, LayerUsage& usage) {
  const std::int64_t trees = usage.layer->trees(), nodes = usage.nodes.size() / trees;
  float *node = usage.nodes.mutable_data(), *branch = usage.branches.mutable_data();
  const std::int32_t leaves = 1 << depth;
  for (const std::int32_t at : chosen.elements()) {
    branch[at] += 1.f;
    float* tree = node + at / leaves * nodes;
    for (int level = 0; level < levels; ++level) tree[(1 << level) - 1 + ((at % leaves) >> (depth - level))] += 1.f;
  }
}

void add(const RoutingDecision& decision, Usage kind, LayerUsage& usage) {
  if (const auto* tree = std::get_if<TreeDecisions>(&decision.how)) {
    if (kind == Usage::soft && !tree->leaf) {
      add_rows(tree->reach, usage.nodes);
      add_rows(tree->path.value(), usage.branches);
    } else {
      count(decision.chosen(), tree->depth, tree->depth, usage);
    }
  } else if (const auto* path = std::get_if<PathDecisions>(&decision.how)) {
    count(decision.chosen(), path->depth, path->depth, usage);
  } else if (const auto* forest = std::get_if<ForestDecisions>(&decision.how)) {
    count(decision.chosen(), forest->depth, forest->depth + 1, usage);
  } else {
    const Indices chosen = decision.chosen();
    for (const std::int32_t branch : chosen.elements()) usage.branches.mutable_data()[branch] += 1.f;
  }
}

}  // namespace

RoutingUsage::RoutingUsage(Module& model, Usage usage) : usage_(usage) {
  for (RoutedLayer* layer : routed_layers(model)) {
    layers_.push_back(
        {layer, Tensor::zeros({rows_of(layer->routed_parameters().nodes)}), Tensor::zeros({layer->branches()})});
  }
}

void RoutingUsage::add(const RoutingTrace& trace) {
  for (const RoutingDecision& decision : trace.decisions()) {
    const auto usage = std::ranges::find(layers_, decision.layer, &LayerUsage::layer);
    if (usage != layers_.end()) nn::add(decision, usage_, *usage);
  }
}

}  // namespace canopy::nn
