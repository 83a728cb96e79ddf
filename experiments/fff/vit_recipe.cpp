#include <canopy/experiments/fff/vit_recipe.hpp>

#include <limits>

namespace canopy::fff {
namespace {

// "Adam, learning rate 4e-4, halved on validation plateaus of 50 epochs". The paper names no batch.
VitRecipe literal(double hardening) {
  return {.optimisation =
              {.optimizer = "adam", .learning_rate = 4e-4, .schedule = "plateau", .plateau = 50, .batch_size = 128},
          .routing = {.hardening = hardening}};
}

// What comes out of a layer norm is centred already. Hardened and balanced as a classifier that is one tree, most
// tokens of a layer end in one leaf; a third of its hardening and three times its balance keep all leaves in use.
VitRecipe canopy() {
  VitRecipe recipe{.optimisation = {.optimizer = "adamw",
                                    .learning_rate = 1e-3,
                                    .weight_decay = 0.05,
                                    .schedule = "cosine",
                                    .warm_up = 0.05,
                                    .batch_size = 128},
                   .routing = training::canopy_routing()};
  recipe.routing.hardening = 0.1;
  recipe.routing.balance = 0.1;
  return recipe;
}

}  // namespace

const std::vector<std::pair<std::string, VitRecipe>>& vit_recipes() {
  static const std::vector<std::pair<std::string, VitRecipe>> list = {
      {"canopy", canopy()},
      {"literal", literal(5)},
      {"literal-h10", literal(10)},
      {"literal-frozen", literal(std::numeric_limits<double>::infinity())}};
  return list;
}

VitRecipe find_vit_recipe(const std::string& name, const harness::Settings& settings) {
  return harness::with_settings(harness::find_named("recipe", name, vit_recipes()), settings);
}

}  // namespace canopy::fff
