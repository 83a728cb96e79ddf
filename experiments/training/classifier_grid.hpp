// What the grids of classifiers share: cells by model and size, the model of a cell, the settings, the training.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/training/recipe.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::training {

/// The depth of a tree with this training width, 2^depth leaf_width. Throws ConfigError where there is none.
int depth_of(std::int64_t training_width, std::int64_t leaf_width);

/// Cells named after data set, model, sizes and recipe, such as "mnist-fff-w128-l8-canopy". Their models:
/// a feedforward network of this hidden width,
harness::Cell ff_cell(const std::string& dataset, std::int64_t width, const std::string& recipe);
/// the fast feedforward layer of paper 1; throws ConfigError as depth_of does,
harness::Cell fff_cell(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
                       const std::string& recipe);
/// the same with paper 3's master leaf of 8 neurons,
harness::Cell master_leaf_cell(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
                               const std::string& recipe);
/// and a noisy top-2 mixture of training_width / expert_width experts.
harness::Cell moe_cell(const std::string& dataset, std::int64_t training_width, std::int64_t expert_width,
                       const std::string& recipe);

/// The hidden neurons and nodes that one input takes at inference: depth + leaf width, with a master leaf 8 more; of
/// the others the active hidden width.
std::int64_t inference_size(const harness::Cell& cell);

std::unique_ptr<nn::Layer> make_model(const harness::Cell& cell, const Recipe& recipe, std::int64_t inputs,
                                      std::int64_t outputs);

/// A grid's own settings, then "recipe" (a list), "epochs", "patience" (0: off) and, for each field of a recipe, what
/// changes it.
harness::Settings grid_settings(std::vector<harness::Settings::Entry> own, const std::vector<std::string>& recipes,
                                std::int64_t epochs);

/// Throws ConfigError for settings of a training that no cell could run with; before anything runs.
void check_settings(const harness::Settings& settings, const std::vector<NamedRecipe>& recipes);

/// Trains a cell by its recipe and the settings, which recipe.json beside its result keeps resolved.
harness::Result train_cell(const harness::CellContext& context, const std::vector<NamedRecipe>& recipes,
                           std::int64_t entropies_every = 0);

}  // namespace canopy::training
