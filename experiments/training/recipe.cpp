#include <canopy/experiments/training/recipe.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/experiments/training/learning_rate.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::training {

using harness::automatic;
using harness::Settings;

namespace {

/// The one list of a recipe's fields, by the names of their settings.
template <class R, class Visit>
void for_each_field(R& recipe, Visit visit) {
  visit("input", recipe.input);
  visit("activation", recipe.activation);
  visit("dropout", recipe.dropout);
  visit("optimizer", recipe.optimizer);
  visit("learning_rate", recipe.learning_rate);
  visit("momentum", recipe.momentum);
  visit("weight_decay", recipe.weight_decay);
  visit("schedule", recipe.schedule);
  visit("plateau", recipe.plateau);
  visit("batch_size", recipe.batch_size);
  visit("local_batch", recipe.local_batch);
  visit("selection", recipe.selection);
  visit("hardening", recipe.hardening);
  visit("hardening_weighting", recipe.hardening_weighting);
  visit("hardening_from", recipe.hardening_from);
  visit("balance", recipe.balance);
  visit("balance_form", recipe.balance_form);
  visit("balance_phase", recipe.balance_phase);
  visit("balance_phase_hardening", recipe.balance_phase_hardening);
  visit("tree_initialisation", recipe.tree_initialisation);
  visit("straight_through_from", recipe.straight_through_from);
  visit("region_leak", recipe.region_leak);
  visit("master_mix", recipe.master_mix);
  visit("importance", recipe.importance);
  visit("load", recipe.load);
}

void require_known(std::string_view key, const std::string& value, const std::vector<std::string>& known) {
  if (std::ranges::find(known, value) == known.end()) {
    throw ConfigError(fmt::format("{}: '{}' is unknown; known: {}", key, value, fmt::join(known, ", ")));
  }
}

// Enumerations are settings by their names.
template <class T>
using Names = std::array<std::pair<const char*, T>, 2>;
constexpr Names<Selection> selections = {{{"validation", Selection::validation}, {"test", Selection::test}}};
constexpr Names<nn::BalanceForm> balances = {
    {{"entropy", nn::BalanceForm::entropy}, {"frequency", nn::BalanceForm::frequency}}};
constexpr Names<nn::MasterMix> mixes = {{{"tree", nn::MasterMix::tree}, {"master", nn::MasterMix::master}}};

const auto& names_of(Selection) { return selections; }
const auto& names_of(nn::BalanceForm) { return balances; }
const auto& names_of(nn::MasterMix) { return mixes; }

template <class T>
std::string name_of(T value) {
  return names_of(value)[names_of(value)[0].second == value ? 0 : 1].first;
}
std::string name_of(Input value) { return to_string(value); }
std::string name_of(Activation value) { return to_string(value); }
std::string name_of(nn::EntropyWeighting value) { return to_string(value); }

template <class T>
void parse(const char* key, const std::string& text, T& value) {
  const auto& names = names_of(value);
  require_known(key, text, {names[0].first, names[1].first});
  value = names[text == names[0].first ? 0 : 1].second;
}
void parse(const char*, const std::string& text, Input& value) { value = input_from_string(text); }
void parse(const char*, const std::string& text, Activation& value) { value = activation_from_string(text); }
void parse(const char*, const std::string& text, nn::EntropyWeighting& value) {
  value = nn::entropy_weighting_from_string(text);
}

}  // namespace

Recipe literal() { return {}; }

Recipe nearest() { return {.input = Input::centred}; }

Recipe canopy() {
  return {.input = Input::centred,
          .optimizer = "adam",
          .learning_rate = 8e-3,
          .schedule = "cosine",
          .hardening = 0.3,
          .hardening_weighting = nn::EntropyWeighting::path,
          .balance = 0.03,
          .tree_initialisation = true,
          .straight_through_from = 0.25,
          .importance = 0.1,
          .load = 0.1};
}

Recipe canopy_for_photographs() {
  Recipe recipe = canopy();
  recipe.optimizer = "adamw";
  recipe.learning_rate = 2e-3;
  recipe.weight_decay = 0.2;
  recipe.region_leak = 0.05;
  return recipe;
}

NamedRecipe named_canopy() { return {"canopy", canopy(), canopy_for_photographs()}; }

const std::vector<NamedRecipe>& recipes() {
  static const std::vector<NamedRecipe> list = {{"literal", literal()}, {"nearest", nearest()}, named_canopy()};
  return list;
}

std::vector<Settings::Entry> recipe_settings() {
  std::vector<Settings::Entry> entries;
  Recipe recipe;
  for_each_field(recipe, [&]<class T>(const char* key, const T&) {
    if constexpr (std::is_enum_v<T>) {
      entries.emplace_back(key, automatic<std::string>());
    } else {
      entries.emplace_back(key, automatic<T>());
    }
  });
  return entries;
}

harness::Json to_json(const Recipe& recipe) {
  harness::Json json = harness::Json::object();
  for_each_field(recipe, [&]<class T>(const char* key, const T& value) {
    if constexpr (std::is_enum_v<T>) {
      json[key] = name_of(value);
    } else if constexpr (std::is_same_v<T, double>) {
      json[key] = std::isfinite(value) ? harness::Json(value) : harness::Json(fmt::format("{}", value));
    } else {
      json[key] = value;
    }
  });
  return json;
}

Recipe find_recipe(const std::vector<NamedRecipe>& recipes, std::string_view name, std::string_view dataset,
                   const Settings& settings) {
  const auto found = std::ranges::find(recipes, name, &NamedRecipe::name);
  if (found == recipes.end()) {
    std::vector<std::string> known;
    for (const NamedRecipe& each : recipes) known.push_back(each.name);
    throw ConfigError(fmt::format("recipe: '{}' is unknown; known: {}", name, fmt::join(known, ", ")));
  }
  const bool photographs = dataset == "cifar-10" || dataset == "cifar-100" || dataset == "svhn";
  Recipe r = photographs ? found->photographs.value_or(found->recipe) : found->recipe;
  for_each_field(r, [&]<class T>(const char* key, T& value) {
    if (settings.at(key).automatic) return;
    if constexpr (std::is_enum_v<T>) {
      parse(key, settings.get<std::string>(key), value);
    } else {
      value = settings.get<T>(key);
    }
  });
  require_known("schedule", r.schedule, schedule_names());
  require_known("optimizer", r.optimizer, {"sgd", "adam", "adamw"});
  if (r.batch_size < 1) throw ConfigError(fmt::format("batch_size: at least 1, not {}", r.batch_size));
  if (r.plateau < 1) throw ConfigError(fmt::format("plateau: at least 1, not {}", r.plateau));
  if (r.local_batch < 0) throw ConfigError(fmt::format("local_batch: at least 0, not {}", r.local_batch));
  if (!(r.balance_phase >= 0 && r.balance_phase < 1)) {
    throw ConfigError(fmt::format("balance_phase: from 0 to below 1, not {}", r.balance_phase));
  }
  return r;
}

}  // namespace canopy::training
