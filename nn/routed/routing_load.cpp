#include <canopy/nn/routed/routing_load.hpp>

#include <algorithm>

namespace canopy::nn {

std::int64_t RoutingLoad::used() const {
  return std::ranges::count_if(branches, [](std::int64_t n) { return n > 0; });
}

double RoutingLoad::maximum() const {
  if (rows == 0) return 0;
  const std::ptrdiff_t of_tree = std::ssize(branches) / trees;
  double fullest = 0;  // summed over the trees
  for (auto tree = branches.begin(); tree != branches.end(); tree += of_tree) {
    fullest += static_cast<double>(*std::max_element(tree, tree + of_tree));
  }
  return 100.0 * fullest / static_cast<double>(trees * rows);
}

double maximum_load(const std::vector<RoutingLoad>& layers) {
  if (layers.empty()) return 100;
  double largest = 0;
  for (const RoutingLoad& load : layers) largest = std::max(largest, load.maximum());
  return largest;
}

RoutingLoads::RoutingLoads(const Module& model) : layers_(routed_layers(model)) {
  for (const RoutedLayer* layer : layers_) {
    loads_.push_back({.layer = layer->name(),
                      .trees = layer->trees(),
                      .branches = std::vector<std::int64_t>(static_cast<std::size_t>(layer->branches()))});
  }
}

void RoutingLoads::add(const RoutingTrace& trace) {
  for (const RoutingDecision& decision : trace.decisions()) {
    const auto layer = std::ranges::find(layers_, decision.layer);
    if (layer == layers_.end()) continue;
    RoutingLoad& load = loads_[static_cast<std::size_t>(layer - layers_.begin())];
    const Indices chosen = decision.chosen();
    const std::int64_t choices = chosen.extent(1);
    for (std::int64_t row = 0; row < decision.rows(); ++row) {
      for (std::int64_t tree = 0; tree < load.trees; ++tree) {
        ++load.branches[static_cast<std::size_t>(chosen.data()[row * choices + tree])];
      }
    }
    load.rows += decision.rows();
  }
}

}  // namespace canopy::nn
