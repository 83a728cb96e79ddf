#include <canopy/experiments/training/optimizer.hpp>

#include <utility>
#include <vector>

#include <canopy/canopy.hpp>

namespace canopy::training {
namespace {

std::vector<optim::ParameterGroup> groups_of(const Recipe& recipe, const nn::Layer& model) {
  const auto* fff = dynamic_cast<const nn::FFF*>(&model);
  if (fff == nullptr || recipe.local_batch == 0) return {{.parameters = model.parameters()}};
  const auto size = static_cast<double>(recipe.local_batch);
  // The tree's parameters are node_* and, of the leaves, w1s, b1s, w2s, b2s; a master leaf's belong to every sample.
  optim::ParameterGroup nodes{.parameters = {},
                              .local_batch = optim::LocalBatch{.usage = fff->node_usage(), .size = size}};
  optim::ParameterGroup leaves{.parameters = {},
                               .local_batch = optim::LocalBatch{.usage = fff->leaf_usage(), .size = size}};
  optim::ParameterGroup shared;
  for (const nn::NamedVariable& each : model.named_parameters()) {
    optim::ParameterGroup& group = each.name.starts_with("node_") ? nodes : each.name.ends_with("s") ? leaves : shared;
    group.parameters.push_back(each.variable);
  }
  std::vector<optim::ParameterGroup> groups;
  for (optim::ParameterGroup* group : {&nodes, &leaves, &shared}) {
    if (!group->parameters.empty()) groups.push_back(std::move(*group));
  }
  return groups;
}

}  // namespace

std::unique_ptr<optim::Optimizer> make_optimizer(const Recipe& recipe, const nn::Layer& model) {
  const std::vector<optim::ParameterGroup> groups = groups_of(recipe, model);
  const double rate = recipe.learning_rate, decay = recipe.weight_decay;
  if (recipe.optimizer == "adam") {
    return std::make_unique<optim::Adam>(groups, optim::AdamOptions{.learning_rate = rate, .weight_decay = decay});
  }
  if (recipe.optimizer == "adamw") {
    return std::make_unique<optim::AdamW>(groups, optim::AdamWOptions{.learning_rate = rate, .weight_decay = decay});
  }
  return std::make_unique<optim::SGD>(
      groups, optim::SGDOptions{.learning_rate = rate, .momentum = recipe.momentum, .weight_decay = decay});
}

}  // namespace canopy::training
