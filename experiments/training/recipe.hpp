// Recipes: the settings behind a table, by name, each open to --set.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/core/activation.hpp>
#include <canopy/datasets/image_dataset.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/settings.hpp>
#include <canopy/nn/master_leaf.hpp>
#include <canopy/nn/routing_losses.hpp>

namespace canopy::training {

/// Where the model of G_A is selected.
enum class Selection {
  validation,  ///< a tenth of the training images that are not trained on (paper 1)
  test         ///< the test set itself, after training on all training images: as paper 3 released it
};

/// Everything that decides how a classifier is trained. Fractions are of the planned epochs.
struct Recipe {
  Input input = Input::unit;
  Activation activation = Activation::relu;  ///< of leaves, experts and feedforward networks
  double dropout = 0;
  std::string optimizer = "sgd";  ///< or "adam", "adamw"
  double learning_rate = 0.2;
  double momentum = 0;
  double weight_decay = 0;
  std::string schedule = "constant";  ///< a name of `schedule_names()`
  std::int64_t plateau = 250;         ///< epochs without a better training accuracy before "plateau" halves the rate
  std::int64_t batch_size = 256;
  std::int64_t local_batch = 0;  ///< samples a leaf or node waits for before it steps (localised optimisation); 0: off
  Selection selection = Selection::validation;
  double hardening = 3;  ///< the paper's h; infinity freezes the tree as initialised, with hard decisions
  nn::EntropyWeighting hardening_weighting = nn::EntropyWeighting::mean;
  double hardening_from = 0;  ///< fraction of the epochs before hardening sets in
  double balance = 0;         ///< coefficient of the load balance loss
  nn::BalanceForm balance_form = nn::BalanceForm::entropy;
  /// Paper 3's first phase, a fraction of the epochs: hardening is `balance_phase_hardening` there, and what follows
  /// starts from its best model, with a fresh optimizer and without the balance loss. 0: no phases.
  double balance_phase = 0;
  double balance_phase_hardening = 1;
  bool tree_initialisation = false;
  double straight_through_from = 1;  ///< fraction of the epochs trained softly before straight-through routing
  double region_leak = 0;
  nn::MasterMix master_mix = nn::MasterMix::tree;  ///< of models with a master leaf
  double importance = 0;                           ///< coefficients of a mixture's losses (Shazeer et al. 2017)
  double load = 0;
};

struct NamedRecipe {
  std::string name;  ///< as in cell names: [a-z0-9-]+
  Recipe recipe;
  std::optional<Recipe> photographs = {};  ///< what it is for CIFAR-10, CIFAR-100 and SVHN, where it is another
};

/// Paper 1's words for Tables 1 and 4.
Recipe literal();
/// The same on centred inputs, which comes nearest to the paper's table.
Recipe nearest();
/// The recipe that beats it, for a mixture's gates too.
Recipe canopy();
/// The same for photographs, whose leaves and experts overfit: region leak ("localized overfitting", section
/// "Overfragmentation") and weight decay hold them back.
Recipe canopy_for_photographs();
/// Under the name "canopy": canopy(), and for photographs canopy_for_photographs().
NamedRecipe named_canopy();
/// "literal", "nearest" and "canopy".
const std::vector<NamedRecipe>& recipes();

/// Every field by the name of its setting.
harness::Json to_json(const Recipe& recipe);

/// A setting for each field of Recipe, all "auto": the recipe's own value holds until one is set.
std::vector<harness::Settings::Entry> recipe_settings();
/// The named recipe for a data set, with what `settings` changes of it. Throws ConfigError, for an unknown name with
/// the known ones.
Recipe find_recipe(const std::vector<NamedRecipe>& recipes, std::string_view name, std::string_view dataset,
                   const harness::Settings& settings);

}  // namespace canopy::training
