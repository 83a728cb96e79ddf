#include <canopy/experiments/balance/recipes.hpp>

namespace canopy::balance {

training::Recipe released() {
  training::Recipe recipe = validated();
  recipe.task.selection = training::Selection::test;
  return recipe;
}

training::Recipe validated() {
  return {.optimisation = {.optimizer = "adamw",
                           .learning_rate = 1e-3,
                           .weight_decay = 0.01,
                           .schedule = "boost",
                           .batch_size = 256},
          .routing = {.hardening = 3,
                      .balance = 1,
                      .balance_form = nn::BalanceForm::frequency,
                      .balance_phase = 0.5,
                      .balance_phase_hardening = 1},
          .task = {.input = Input::symmetric}};
}

}  // namespace canopy::balance
