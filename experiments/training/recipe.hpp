// Recipes for classifiers: the settings behind a table, by name, each open to --set.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/core/activation.hpp>
#include <canopy/datasets/image_dataset.hpp>
#include <canopy/experiments/training/optimisation.hpp>
#include <canopy/experiments/training/routing_recipe.hpp>
#include <canopy/nn/routed/master_leaf.hpp>

namespace canopy::training {

/// Where the model of G_A is selected.
enum class Selection {
  validation,  ///< a tenth of the training images that are not trained on (paper 1)
  test         ///< the test set itself, after training on all training images: as paper 3 released it
};

/// What a recipe says of data and model of a classifier.
struct ClassifierRecipe {
  Input input = Input::unit;                 ///< of images; the columns of tables are standardised
  Activation activation = Activation::relu;  ///< of leaves, experts and feedforward networks
  double dropout = 0;
  double region_leak = 0;
  nn::MasterMix master_mix = nn::MasterMix::tree;  ///< of models with a master leaf
  Selection selection = Selection::validation;
};

/// Everything that decides how a classifier is trained.
struct Recipe {
  Optimisation optimisation = {};
  RoutingRecipe routing = {};
  ClassifierRecipe task = {};
};

template <class C, class Visit>
requires std::same_as<std::remove_const_t<C>, ClassifierRecipe>
void visit_fields(C& c, const Visit& visit) {
  using namespace harness;
  visit("input", c.input, unchecked);
  visit("activation", c.activation, unchecked);
  visit("dropout", c.dropout, fraction_below_1);
  visit("region_leak", c.region_leak, fraction_below_1);
  visit("master_mix", c.master_mix, unchecked);
  visit("selection", c.selection, unchecked);
}

template <class R, class Visit>
requires std::same_as<std::remove_const_t<R>, Recipe>
void visit_fields(R& recipe, const Visit& visit) {
  visit_fields(recipe.task, visit);
  visit_fields(recipe.optimisation, visit);
  visit_fields(recipe.routing, visit);
}

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

/// The named recipe for a data set, with what `settings` changes of it. Throws ConfigError, for an unknown name with
/// the known ones.
Recipe find_recipe(const std::vector<NamedRecipe>& recipes, std::string_view name, std::string_view dataset,
                   const harness::Settings& settings);

}  // namespace canopy::training

template <>
struct canopy::harness::Names<canopy::Input> {
  static std::vector<std::pair<std::string, Input>> list();
};
template <>
struct canopy::harness::Names<canopy::Activation> {
  static std::vector<std::pair<std::string, Activation>> list();
};
template <>
struct canopy::harness::Names<canopy::nn::MasterMix> {
  static std::vector<std::pair<std::string, nn::MasterMix>> list();
};
template <>
struct canopy::harness::Names<canopy::training::Selection> {
  static std::vector<std::pair<std::string, training::Selection>> list();
};
