// Recipes for vision transformers.
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/datasets/augmented_images.hpp>
#include <canopy/experiments/training/optimisation.hpp>
#include <canopy/experiments/training/routing_recipe.hpp>

namespace canopy::fff {

/// Everything that decides how a vision transformer is trained.
struct VitRecipe {
  training::Optimisation optimisation = {};
  training::RoutingRecipe routing = {};
  /// "Random horizontal and vertical flips and random linear augmentation (translate, rotate, scale)": paper 1, Table
  /// 3, which names no numbers.
  Augmentation augmentation = {
      .horizontal_flip = 0.5, .vertical_flip = 0.5, .rotate = 15, .translate = 0.1, .scale = 0.1};
  double input_dropout = 0.1;
};

template <class R, class Visit>
requires std::same_as<std::remove_const_t<R>, VitRecipe>
void visit_fields(R& recipe, const Visit& visit) {
  using namespace harness;
  visit("horizontal_flip", recipe.augmentation.horizontal_flip, fraction);
  visit("vertical_flip", recipe.augmentation.vertical_flip, fraction);
  visit("rotate", recipe.augmentation.rotate, real_from_0);
  visit("translate", recipe.augmentation.translate, real_from_0);
  visit("scale", recipe.augmentation.scale, fraction_below_1);
  visit("input_dropout", recipe.input_dropout, fraction_below_1);
  visit_fields(recipe.optimisation, visit);
  visit_fields(recipe.routing, visit);
}

/// Paper 1's words for Table 3 under "literal", with h = 5; the other values of h, of which it reports the best, under
/// "literal-h10" and "literal-frozen" (infinity); "canopy", one recipe for all leaf widths.
const std::vector<std::pair<std::string, VitRecipe>>& vit_recipes();

/// The named recipe with what `settings` changes of it. Throws ConfigError, for an unknown name with the known ones.
VitRecipe find_vit_recipe(const std::string& name, const harness::Settings& settings);

}  // namespace canopy::fff
