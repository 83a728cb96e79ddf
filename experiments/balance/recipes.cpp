#include <canopy/experiments/balance/recipes.hpp>

namespace canopy::balance {

training::Recipe released() {
  training::Recipe recipe;
  recipe.input = Input::symmetric;
  recipe.optimizer = "adamw";
  recipe.learning_rate = 1e-3;
  recipe.weight_decay = 0.01;
  recipe.schedule = "boost";
  recipe.batch_size = 256;
  recipe.selection = training::Selection::test;
  recipe.hardening = 3;
  recipe.balance = 1;
  recipe.balance_form = nn::BalanceForm::frequency;
  recipe.balance_phase = 0.5;
  recipe.balance_phase_hardening = 1;
  return recipe;
}

training::Recipe validated() {
  training::Recipe recipe = released();
  recipe.selection = training::Selection::validation;
  return recipe;
}

}  // namespace canopy::balance
