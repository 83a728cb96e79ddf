// How hard the decisions of a model's trees are.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <canopy/datasets/tensor_dataset.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

namespace canopy::training {

/// The mean over samples and over the nodes of all trees of paper 1 of the decisions' entropy, in nats; 0 without such
/// trees. The model must be in evaluation mode.
double mean_node_entropy(const nn::Layer& model, const ClassificationDataset& dataset);

/// The same of each such tree by its full name, in the order of registration.
std::vector<std::pair<std::string, double>> mean_entropy_of_trees(const nn::Layer& model,
                                                                  const ClassificationDataset& dataset);

/// Of the batch that a model has just seen in training, the mean of each tree's nodes, in the order of the trace:
/// "entropy_layer_1", ...
std::vector<std::pair<std::string, double>> entropies_by_layer(const nn::RoutingTrace& trace);

/// Likewise, the mean of each level's nodes, then each node's, in heap order; of the first tree in the trace:
/// "entropy_level_0", ..., "entropy_node_0", ...
std::vector<std::pair<std::string, double>> entropies_by_level(const nn::RoutingTrace& trace);

}  // namespace canopy::training
