// Recipes: the settings behind a table, by name, each open to --set.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <canopy/datasets/image_dataset.hpp>
#include <canopy/experiments/harness/settings.hpp>
#include <canopy/nn/fff_losses.hpp>

namespace canopy::training {

/// Everything that decides how a classifier is trained. Fractions are of the planned epochs.
struct Recipe {
  Input input = Input::unit;
  std::string optimizer = "sgd";  ///< or "adam", "adamw"
  double learning_rate = 0.2;
  double momentum = 0;
  double weight_decay = 0;
  std::string schedule = "constant";  ///< or "cosine": to 0, step by step
  std::int64_t batch_size = 256;
  double hardening = 3;  ///< the paper's h; infinity freezes the tree as initialised, with hard decisions
  nn::Entropy hardening_weighting = nn::Entropy::mean;
  double hardening_from = 0;  ///< fraction of the epochs before hardening sets in
  double balance = 0;         ///< coefficient of the load balance loss
  bool tree_initialisation = false;
  double straight_through_from = 1;  ///< fraction of the epochs trained softly before straight-through routing
  double region_leak = 0;
  double dropout = 0;
};

/// "literal": the paper's words; "nearest": the same on centred inputs, which comes nearest to its table; "canopy": the
/// recipe that beats it. Throws ConfigError that lists them.
Recipe recipe(std::string_view name);
const std::vector<std::string>& recipe_names();

/// A setting for each field of Recipe, all "auto": the recipe's own value holds until one is set.
std::vector<harness::Settings::Entry> recipe_settings();
/// The named recipe with what `settings` changes of it. Throws ConfigError.
Recipe recipe(std::string_view name, const harness::Settings& settings);

}  // namespace canopy::training
