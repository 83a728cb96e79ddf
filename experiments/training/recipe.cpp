#include <canopy/experiments/training/recipe.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::training {

using harness::automatic;
using harness::Settings;

const std::vector<std::string>& recipe_names() {
  static const std::vector<std::string> names = {"literal", "nearest", "canopy"};
  return names;
}

Recipe recipe(std::string_view name) {
  if (name == "literal") return {};
  if (name == "nearest") return {.input = Input::centred};
  if (name == "canopy") {
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
  throw ConfigError(fmt::format("recipe: '{}' is unknown; known: {}", name, fmt::join(recipe_names(), ", ")));
}

std::vector<Settings::Entry> recipe_settings() {
  return {{"input", automatic<std::string>()},
          {"optimizer", automatic<std::string>()},
          {"learning_rate", automatic<double>()},
          {"momentum", automatic<double>()},
          {"weight_decay", automatic<double>()},
          {"schedule", automatic<std::string>()},
          {"batch_size", automatic<std::int64_t>()},
          {"hardening", automatic<double>()},
          {"hardening_weighting", automatic<std::string>()},
          {"hardening_from", automatic<double>()},
          {"balance", automatic<double>()},
          {"tree_initialisation", automatic<bool>()},
          {"straight_through_from", automatic<double>()},
          {"region_leak", automatic<double>()},
          {"dropout", automatic<double>()}};
}

Recipe recipe(std::string_view name, const Settings& settings) {
  Recipe r = recipe(name);
  r.input = input_from_string(settings.get_or("input", to_string(r.input)));
  r.optimizer = settings.get_or("optimizer", r.optimizer);
  r.learning_rate = settings.get_or("learning_rate", r.learning_rate);
  r.momentum = settings.get_or("momentum", r.momentum);
  r.weight_decay = settings.get_or("weight_decay", r.weight_decay);
  r.schedule = settings.get_or("schedule", r.schedule);
  r.batch_size = settings.get_or("batch_size", r.batch_size);
  r.hardening = settings.get_or("hardening", r.hardening);
  r.hardening_weighting =
      nn::entropy_from_string(settings.get_or("hardening_weighting", nn::to_string(r.hardening_weighting)));
  r.hardening_from = settings.get_or("hardening_from", r.hardening_from);
  r.balance = settings.get_or("balance", r.balance);
  r.tree_initialisation = settings.get_or("tree_initialisation", r.tree_initialisation);
  r.straight_through_from = settings.get_or("straight_through_from", r.straight_through_from);
  r.region_leak = settings.get_or("region_leak", r.region_leak);
  r.dropout = settings.get_or("dropout", r.dropout);
  if (r.schedule != "constant" && r.schedule != "cosine") {
    throw ConfigError(fmt::format("schedule: '{}' is unknown; known: constant, cosine", r.schedule));
  }
  if (r.optimizer != "sgd" && r.optimizer != "adam" && r.optimizer != "adamw") {
    throw ConfigError(fmt::format("optimizer: '{}' is unknown; known: sgd, adam, adamw", r.optimizer));
  }
  if (r.batch_size < 1) throw ConfigError(fmt::format("batch_size: at least 1, not {}", r.batch_size));
  return r;
}

}  // namespace canopy::training
