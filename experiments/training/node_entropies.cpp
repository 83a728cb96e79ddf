#include <canopy/experiments/training/node_entropies.hpp>

#include <map>

#include <canopy/canopy.hpp>

#include <fmt/format.h>

namespace canopy::training {
namespace {

// The entropies of the nodes of each tree of paper 1 in a trace: visit(layer, entropies).
template <class Visit>
void for_each_tree(const nn::RoutingTrace& trace, const Visit& visit) {
  for (const nn::RoutingDecision& decision : trace.decisions()) {
    const auto* tree = std::get_if<nn::TreeDecisions>(&decision.how);
    if (tree != nullptr) visit(*decision.layer, nn::node_entropies(*tree));  // the mean over these samples
  }
}

// Over samples and nodes.
struct Mean {
  double sum = 0, count = 0;

  void add(const Tensor& entropies, std::int64_t samples) {
    for (const float v : entropies.elements()) sum += v * static_cast<double>(samples);
    count += static_cast<double>(entropies.size() * samples);
  }
  double value() const { return count == 0 ? 0 : sum / count; }
};

// visit(layer, entropies, samples) for every batch of a data set.
template <class Visit>
void for_each_tree(const nn::Layer& model, const ClassificationDataset& dataset, const Visit& visit) {
  if (nn::routed_layers(model).empty()) return;
  const NoRecord pause;
  for (const auto& [inputs, labels] : DataLoader(dataset, {.batch_size = 1024})) {
    const nn::RoutingTrace trace({.details = true});
    model.forward(inputs);
    const std::int64_t samples = labels.size();
    for_each_tree(trace,
                  [&](const nn::RoutedLayer& layer, const Tensor& entropies) { visit(layer, entropies, samples); });
  }
}

double mean(const Tensor& entropies) {
  Mean mean;
  mean.add(entropies, 1);
  return mean.value();
}

}  // namespace

double mean_node_entropy(const nn::Layer& model, const ClassificationDataset& dataset) {
  Mean mean;
  for_each_tree(model, dataset, [&](const nn::RoutedLayer&, const Tensor& entropies, std::int64_t samples) {
    mean.add(entropies, samples);
  });
  return mean.value();
}

std::vector<std::pair<std::string, double>> mean_entropy_of_trees(const nn::Layer& model,
                                                                  const ClassificationDataset& dataset) {
  std::map<const nn::RoutedLayer*, Mean> means;
  for_each_tree(model, dataset, [&](const nn::RoutedLayer& layer, const Tensor& entropies, std::int64_t samples) {
    means[&layer].add(entropies, samples);
  });
  std::vector<std::pair<std::string, double>> of_trees;
  for (const nn::RoutedLayer* layer : nn::routed_layers(model)) {
    if (const auto found = means.find(layer); found != means.end()) {
      of_trees.emplace_back(layer->name(), found->second.value());
    }
  }
  return of_trees;
}

std::vector<std::pair<std::string, double>> entropies_by_layer(const nn::RoutingTrace& trace) {
  std::vector<std::pair<std::string, double>> layers;
  for_each_tree(trace, [&](const nn::RoutedLayer&, const Tensor& entropies) {
    layers.emplace_back(fmt::format("entropy_layer_{}", layers.size() + 1), mean(entropies));
  });
  return layers;
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
