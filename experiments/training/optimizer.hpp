// The optimizer that a recipe names, over the parameters of a model.
#pragma once

#include <memory>

#include <canopy/experiments/training/recipe.hpp>
#include <canopy/nn/module.hpp>
#include <canopy/optim/optimizer.hpp>

namespace canopy::training {

/// With `local_batch` the leaves and nodes of an FFF step by their own usage, which the layer must count.
std::unique_ptr<optim::Optimizer> make_optimizer(const Recipe& recipe, const nn::Layer& model);

}  // namespace canopy::training
