#include <canopy/experiments/training/node_entropies.hpp>

#include <canopy/canopy.hpp>

#include <fmt/format.h>

namespace canopy::training {

double mean_node_entropy(const nn::Layer& model, const ClassificationDataset& dataset) {
  const auto layers = nn::routed_layers(model);
  if (layers.empty()) return 0;
  const NoRecord pause;
  double sum = 0, count = 0;
  for (const auto& [inputs, labels] : DataLoader(dataset, {.batch_size = 1024})) {
    const nn::RoutingTrace trace({.details = true});
    model.forward(inputs);
    for (const nn::RoutingDecision& decision : trace.decisions()) {
      const auto* tree = std::get_if<nn::TreeDecisions>(&decision.how);
      if (tree == nullptr) continue;
      const Tensor entropies = nn::node_entropies(*tree);  // the mean over these samples
      for (const float v : entropies.elements()) sum += v * static_cast<double>(labels.size());
      count += static_cast<double>(entropies.size() * labels.size());
    }
  }
  return count == 0 ? 0 : sum / count;
}

std::vector<std::pair<std::string, double>> entropies_by_level(const nn::RoutingTrace& trace) {
  std::vector<std::pair<std::string, double>> levels, nodes;
  for (const nn::RoutingDecision& decision : trace.decisions()) {
    const auto* tree = std::get_if<nn::TreeDecisions>(&decision.how);
    if (tree == nullptr) continue;
    const Tensor entropies = nn::node_entropies(*tree);
    for (std::int64_t level = 0, first = 0; level < tree->depth; first = 2 * first + 1, ++level) {
      double sum = 0;
      for (std::int64_t node = first; node < 2 * first + 1; ++node) {
        sum += entropies.data()[node];
        nodes.emplace_back(fmt::format("entropy_node_{}", node), entropies.data()[node]);
      }
      levels.emplace_back(fmt::format("entropy_level_{}", level), sum / static_cast<double>(first + 1));
    }
    break;
  }
  levels.insert(levels.end(), nodes.begin(), nodes.end());
  return levels;
}

}  // namespace canopy::training
