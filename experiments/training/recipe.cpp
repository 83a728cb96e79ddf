#include <canopy/experiments/training/recipe.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <canopy/core/error.hpp>
#include <canopy/experiments/training/learning_rate.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::training {

using harness::automatic;
using harness::Settings;

namespace {

template <class T>
using Names = std::array<std::pair<std::string_view, T>, 2>;

constexpr Names<Selection> selections = {{{"validation", Selection::validation}, {"test", Selection::test}}};
constexpr Names<nn::Balance> balances = {{{"entropy", nn::Balance::entropy}, {"frequency", nn::Balance::frequency}}};
constexpr Names<nn::MasterMix> mixes = {{{"tree", nn::MasterMix::tree}, {"master", nn::MasterMix::master}}};

void require_known(std::string_view key, const std::string& value, const std::vector<std::string>& known) {
  if (std::ranges::find(known, value) == known.end()) {
    throw ConfigError(fmt::format("{}: '{}' is unknown; known: {}", key, value, fmt::join(known, ", ")));
  }
}

template <class T>
void read(const Settings& settings, const char* key, T& value) {
  value = settings.get_or(key, value);
}
/// An enumeration by its names.
template <class T>
void read(const Settings& settings, const char* key, T& value, const Names<T>& names) {
  if (settings.at(key).automatic) return;
  const std::string text = settings.get<std::string>(key);
  require_known(key, text, {std::string(names[0].first), std::string(names[1].first)});
  value = names[text == names[0].first ? 0 : 1].second;
}

}  // namespace

Recipe literal() { return {}; }

Recipe nearest() { return {.input = Input::centred}; }

Recipe canopy() {
  return {.input = Input::centred,
          .optimizer = "adam",
          .learning_rate = 1e-3,
          .schedule = "cosine",
          .hardening = 0.3,
          .hardening_weighting = nn::Entropy::path,
          .balance = 0.03,
          .tree_initialisation = true,
          .straight_through_from = 0.25};
}

std::vector<Settings::Entry> recipe_settings() {
  return {{"input", automatic<std::string>()},
          {"activation", automatic<std::string>()},
          {"dropout", automatic<double>()},
          {"optimizer", automatic<std::string>()},
          {"learning_rate", automatic<double>()},
          {"momentum", automatic<double>()},
          {"weight_decay", automatic<double>()},
          {"schedule", automatic<std::string>()},
          {"plateau", automatic<std::int64_t>()},
          {"batch_size", automatic<std::int64_t>()},
          {"local_batch", automatic<std::int64_t>()},
          {"selection", automatic<std::string>()},
          {"hardening", automatic<double>()},
          {"hardening_weighting", automatic<std::string>()},
          {"hardening_from", automatic<double>()},
          {"balance", automatic<double>()},
          {"balance_form", automatic<std::string>()},
          {"balance_phase", automatic<double>()},
          {"balance_phase_hardening", automatic<double>()},
          {"tree_initialisation", automatic<bool>()},
          {"straight_through_from", automatic<double>()},
          {"region_leak", automatic<double>()},
          {"master_mix", automatic<std::string>()},
          {"importance", automatic<double>()},
          {"load", automatic<double>()}};
}

Recipe find_recipe(const std::vector<NamedRecipe>& recipes, std::string_view name, const Settings& settings) {
  const auto found = std::ranges::find(recipes, name, &NamedRecipe::name);
  if (found == recipes.end()) {
    std::vector<std::string> known;
    for (const NamedRecipe& each : recipes) known.push_back(each.name);
    throw ConfigError(fmt::format("recipe: '{}' is unknown; known: {}", name, fmt::join(known, ", ")));
  }
  Recipe r = found->recipe;
  r.input = input_from_string(settings.get_or("input", to_string(r.input)));
  r.activation = activation_from_string(settings.get_or("activation", to_string(r.activation)));
  read(settings, "dropout", r.dropout);
  read(settings, "optimizer", r.optimizer);
  read(settings, "learning_rate", r.learning_rate);
  read(settings, "momentum", r.momentum);
  read(settings, "weight_decay", r.weight_decay);
  read(settings, "schedule", r.schedule);
  read(settings, "plateau", r.plateau);
  read(settings, "batch_size", r.batch_size);
  read(settings, "local_batch", r.local_batch);
  read(settings, "selection", r.selection, selections);
  read(settings, "hardening", r.hardening);
  r.hardening_weighting =
      nn::entropy_from_string(settings.get_or("hardening_weighting", nn::to_string(r.hardening_weighting)));
  read(settings, "hardening_from", r.hardening_from);
  read(settings, "balance", r.balance);
  read(settings, "balance_form", r.balance_form, balances);
  read(settings, "balance_phase", r.balance_phase);
  read(settings, "balance_phase_hardening", r.balance_phase_hardening);
  read(settings, "tree_initialisation", r.tree_initialisation);
  read(settings, "straight_through_from", r.straight_through_from);
  read(settings, "region_leak", r.region_leak);
  read(settings, "master_mix", r.master_mix, mixes);
  read(settings, "importance", r.importance);
  read(settings, "load", r.load);
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
