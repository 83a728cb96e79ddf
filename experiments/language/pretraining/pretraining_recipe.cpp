#include <canopy/experiments/language/pretraining/pretraining_recipe.hpp>

#include <canopy/core/error.hpp>

namespace canopy {

std::vector<std::pair<std::string, MaskingRule>> harness::Names<MaskingRule>::list() {
  return {{"each-token", MaskingRule::each_token}, {"exact-share", MaskingRule::exact_share}};
}

}  // namespace canopy

namespace canopy::language {
namespace {

// crammedBERT's "bert-o4", of which paper 2 says "masking" alone: 8192 sequences a step, in micro batches of 128.
PretrainingRecipe literal() {
  PretrainingRecipe recipe{.optimisation = {.optimizer = "adamw",
                                            .learning_rate = 1e-3,
                                            .beta1 = 0.9,
                                            .beta2 = 0.98,
                                            .epsilon = 1e-12,
                                            .weight_decay = 0.01,
                                            .decay_norms = false,
                                            .schedule = "triangle",
                                            .batch_size = 128,
                                            .accumulate = 64,
                                            .clip_norm = 0.5},
                           .masking = {.share = 0.25, .rule = MaskingRule::exact_share},
                           .batch_ramp = 0.6};
  return recipe;
}

PretrainingRecipe canopy() {
  PretrainingRecipe recipe = literal();
  recipe.optimisation.batch_size = 32;
  recipe.optimisation.accumulate = 1;
  recipe.batch_ramp = 0;
  recipe.masking = {.share = 0.15, .rule = MaskingRule::each_token};
  recipe.routing.balance = 0.01;
  return recipe;
}

}  // namespace

const std::vector<std::pair<std::string, PretrainingRecipe>>& pretraining_recipes() {
  static const std::vector<std::pair<std::string, PretrainingRecipe>> list = {{"canopy", canopy()},
                                                                              {"literal", literal()}};
  return list;
}

PretrainingRecipe find_pretraining_recipe(const std::string& name, const harness::Settings& settings) {
  PretrainingRecipe recipe =
      harness::with_settings(harness::find_named("recipe", name, pretraining_recipes()), settings);
  if (recipe.optimisation.schedule == "boost") {
    throw ConfigError("schedule: 'boost' looks at the score that a model is selected by, and here the last is taken");
  }
  return recipe;
}

}  // namespace canopy::language
