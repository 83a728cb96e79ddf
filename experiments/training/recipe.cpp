#include <canopy/experiments/training/recipe.hpp>

#include <algorithm>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy {

namespace {

template <class E>
std::vector<std::pair<std::string, E>> named(std::initializer_list<E> values) {
  std::vector<std::pair<std::string, E>> list;
  for (const E value : values) list.emplace_back(to_string(value), value);
  return list;
}

}  // namespace

std::vector<std::pair<std::string, Input>> harness::Names<Input>::list() {
  return named({Input::unit, Input::symmetric, Input::standardised, Input::centred});
}

std::vector<std::pair<std::string, Activation>> harness::Names<Activation>::list() {
  using enum Activation;
  return named({identity, relu, gelu, tanh, sigmoid, softplus});
}

std::vector<std::pair<std::string, nn::MasterMix>> harness::Names<nn::MasterMix>::list() {
  return {{"tree", nn::MasterMix::tree}, {"master", nn::MasterMix::master}};
}

std::vector<std::pair<std::string, training::Selection>> harness::Names<training::Selection>::list() {
  return {{"validation", training::Selection::validation}, {"test", training::Selection::test}};
}

}  // namespace canopy

namespace canopy::training {

Recipe literal() { return {}; }

Recipe nearest() { return {.task = {.input = Input::centred}}; }

Recipe canopy() {
  return {.optimisation = {.optimizer = "adam", .learning_rate = 8e-3, .schedule = "cosine"},
          .routing = canopy_routing(),
          .task = {.input = Input::centred}};
}

Recipe canopy_for_photographs() {
  Recipe recipe = canopy();
  recipe.optimisation.optimizer = "adamw";
  recipe.optimisation.learning_rate = 2e-3;
  recipe.optimisation.weight_decay = 0.2;
  recipe.task.region_leak = 0.05;
  return recipe;
}

NamedRecipe named_canopy() { return {"canopy", canopy(), canopy_for_photographs()}; }

const std::vector<NamedRecipe>& recipes() {
  static const std::vector<NamedRecipe> list = {{"literal", literal()}, {"nearest", nearest()}, named_canopy()};
  return list;
}

Recipe find_recipe(const std::vector<NamedRecipe>& recipes, std::string_view name, std::string_view dataset,
                   const harness::Settings& settings) {
  const auto found = std::ranges::find(recipes, name, &NamedRecipe::name);
  if (found == recipes.end()) {
    std::vector<std::string> known;
    for (const NamedRecipe& each : recipes) known.push_back(each.name);
    throw ConfigError(fmt::format("recipe: '{}' is unknown; known: {}", name, fmt::join(known, ", ")));
  }
  const bool photographs = dataset == "cifar-10" || dataset == "cifar-100" || dataset == "svhn";
  Recipe recipe = photographs ? found->photographs.value_or(found->recipe) : found->recipe;
  harness::apply_settings(settings, recipe);
  return recipe;
}

}  // namespace canopy::training
