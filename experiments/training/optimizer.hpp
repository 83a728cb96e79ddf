// The optimizer that a recipe names, over the parameters of a model.
#pragma once

#include <memory>

#include <canopy/experiments/training/recipe.hpp>
#include <canopy/nn/routing_usage.hpp>
#include <canopy/optim/optimizer.hpp>

namespace canopy::training {

/// With `local_batch` the nodes and branches of routed layers step by their own use, which `usage` counts.
std::unique_ptr<optim::Optimizer> make_optimizer(const Recipe& recipe, const nn::Module& model,
                                                 const nn::RoutingUsage& usage);

}  // namespace canopy::training
