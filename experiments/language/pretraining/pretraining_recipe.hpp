// Recipes for masked language modelling.
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/datasets/text/corpus/masked_text.hpp>
#include <canopy/experiments/training/optimisation.hpp>
#include <canopy/experiments/training/routing_recipe.hpp>

template <>
struct canopy::harness::Names<canopy::MaskingRule> {
  static std::vector<std::pair<std::string, MaskingRule>> list();
};

namespace canopy::language {

/// Everything that decides how a masked language model is trained. Trees decide hard from the start; of a routing
/// recipe they have what acts on the logits along each path.
struct PretrainingRecipe {
  training::Optimisation optimisation = {};
  training::RoutingRecipe routing = {.hardening = 0, .balance_form = nn::BalanceForm::frequency};
  Masking masking = {};
  /// Fraction of the training in which steps grow from one batch to `accumulate` of them.
  double batch_ramp = 0;
};

template <class R, class Visit>
requires std::same_as<std::remove_const_t<R>, PretrainingRecipe>
void visit_fields(R& recipe, const Visit& visit) {
  using namespace harness;
  visit("masking_share", recipe.masking.share, Range{.least = 0.01, .most = 1});
  visit("masking_rule", recipe.masking.rule, unchecked);
  visit("batch_ramp", recipe.batch_ramp, fraction);
  visit("hardening", recipe.routing.hardening, real_from_0);
  visit("hardening_weighting", recipe.routing.hardening_weighting, unchecked);
  visit("hardening_from", recipe.routing.hardening_from, fraction);
  visit("balance", recipe.routing.balance, real_from_0);
  visit_fields(recipe.optimisation, visit);
}

/// "literal": paper 2's released settings, with the batch of one of its micro batches; "canopy": the same for budgets
/// of millions of tokens, with small batches, BERT's masking and a load balance loss on the trees.
const std::vector<std::pair<std::string, PretrainingRecipe>>& pretraining_recipes();

/// The named recipe with what `settings` changes of it. Throws ConfigError, for an unknown name with the known ones.
PretrainingRecipe find_pretraining_recipe(const std::string& name, const harness::Settings& settings);

}  // namespace canopy::language
