#include <canopy/experiments/training/classifier_grid.hpp>

#include <algorithm>
#include <bit>
#include <cctype>
#include <iterator>
#include <map>

#include <canopy/canopy.hpp>
#include <canopy/core/file.hpp>
#include <canopy/experiments/training/classifier.hpp>

#include <fmt/format.h>

namespace canopy::training {

using namespace harness;

namespace {

constexpr std::int64_t master_leaf_width = 8;
constexpr std::int64_t experts_a_sample = 2;

// "idx:some/folder" as part of a cell's name.
std::string slug(const std::string& dataset) {
  std::string text;
  for (const char c : dataset) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    text += std::isalnum(static_cast<unsigned char>(c)) != 0 ? lower : '-';
  }
  return text;
}

// Numbers in all training images.
double inputs_of(const std::string& dataset) {
  static const std::map<std::string, double> known = {
      {"usps", 7291. * 256}, {"cifar-10", 50000. * 3072}, {"cifar-100", 50000. * 3072}, {"svhn", 73257. * 3072}};
  const auto found = known.find(dataset);
  return found == known.end() ? 60000. * 784 : found->second;
}

// Reading and converting an image takes as long as a hundred neurons.
double work_of(const std::string& dataset, std::int64_t neurons) {
  return inputs_of(dataset) * static_cast<double>(100 + neurons);
}

Cell cell(const std::string& dataset, const std::string& model, std::int64_t training_width,
          std::optional<std::int64_t> leaf_width, const std::string& recipe) {
  if (training_width < 1) throw ConfigError(fmt::format("width: at least 1, not {}", training_width));
  const std::string leaf = leaf_width ? fmt::format("-l{}", *leaf_width) : "";
  return {.name = fmt::format("{}-{}-w{}{}-{}", slug(dataset), model, training_width, leaf, recipe),
          .labels = {{"dataset", dataset},
                     {"model", model},
                     {"recipe", recipe},
                     {"training_width", training_width},
                     {"leaf_width", label(leaf_width)},
                     {"depth", {}}},
          .work = work_of(dataset, training_width)};
}

Cell tree_cell(const std::string& dataset, const std::string& model, std::int64_t training_width,
               std::int64_t leaf_width, const std::string& recipe) {
  const int depth = depth_of(training_width, leaf_width);
  Cell result = cell(dataset, model, training_width, leaf_width, recipe);
  result.labels["depth"] = std::int64_t{depth};
  result.work = work_of(dataset, training_width + (std::int64_t{1} << depth));
  return result;
}

}  // namespace

int depth_of(std::int64_t training_width, std::int64_t leaf_width) {
  const bool fits = leaf_width > 0 && training_width > 0 && training_width % leaf_width == 0 &&
                    std::has_single_bit(static_cast<std::uint64_t>(training_width / leaf_width));
  if (!fits) {
    throw ConfigError(
        fmt::format("leaf_width: {} leaves of training width {} are no power of two", leaf_width, training_width));
  }
  return std::countr_zero(static_cast<std::uint64_t>(training_width / leaf_width));
}

Cell ff_cell(const std::string& dataset, std::int64_t width, const std::string& recipe) {
  return cell(dataset, "ff", width, {}, recipe);
}

Cell fff_cell(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
              const std::string& recipe) {
  return tree_cell(dataset, "fff", training_width, leaf_width, recipe);
}

Cell master_leaf_cell(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
                      const std::string& recipe) {
  return tree_cell(dataset, "master-leaf", training_width, leaf_width, recipe);
}

Cell moe_cell(const std::string& dataset, std::int64_t training_width, std::int64_t expert_width,
              const std::string& recipe) {
  if (expert_width < 1 || training_width % expert_width != 0 || training_width / expert_width < experts_a_sample) {
    throw ConfigError(fmt::format("expert_width: {} does not divide the training width {} into {} experts or more",
                                  expert_width, training_width, experts_a_sample));
  }
  Cell result = cell(dataset, "moe", training_width, expert_width, recipe);
  result.work = work_of(dataset, experts_a_sample * expert_width + 2 * training_width / expert_width);
  return result;
}

std::int64_t inference_size(const Cell& cell) {
  if (cell.text("model") == "moe") return experts_a_sample * cell.number("leaf_width").value();
  const std::optional<std::int64_t> depth = cell.number("depth");
  if (!depth) return cell.number("training_width").value();
  return *depth + cell.number("leaf_width").value() + (cell.text("model") == "master-leaf" ? master_leaf_width : 0);
}

std::unique_ptr<nn::Layer> make_model(const Cell& cell, const Recipe& recipe, std::int64_t inputs,
                                      std::int64_t outputs) {
  if (cell.text("model") == "ff") {
    return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = inputs,
                                                                    .width = cell.number("training_width").value(),
                                                                    .outputs = outputs,
                                                                    .activation = recipe.activation,
                                                                    .dropout = static_cast<float>(recipe.dropout)});
  }
  if (cell.text("model") == "moe") {
    return std::make_unique<nn::MoE>(
        nn::MoEOptions{.inputs = inputs,
                       .outputs = outputs,
                       .experts = cell.number("training_width").value() / cell.number("leaf_width").value(),
                       .expert_width = cell.number("leaf_width").value(),
                       .k = experts_a_sample,
                       .activation = recipe.activation});
  }
  return std::make_unique<nn::FFF>(
      nn::FFFOptions{.inputs = inputs,
                     .outputs = outputs,
                     .depth = static_cast<int>(cell.number("depth").value()),
                     .leaf_width = cell.number("leaf_width").value(),
                     .activation = recipe.activation,
                     .dropout = static_cast<float>(recipe.dropout),
                     .region_leak = static_cast<float>(recipe.region_leak),
                     .master_leaf_width = cell.text("model") == "master-leaf" ? master_leaf_width : 0,
                     .master_mix = recipe.master_mix});
}

Settings grid_settings(std::vector<Settings::Entry> own, const std::vector<std::string>& recipes, std::int64_t epochs) {
  own.insert(own.end(), {{"recipe", Texts(recipes)}, {"epochs", epochs}, {"patience", std::int64_t{0}}});
  std::ranges::copy(recipe_settings(), std::back_inserter(own));
  return Settings(std::move(own));
}

void check_settings(const Settings& settings, const std::vector<NamedRecipe>& recipes) {
  if (settings.get<std::int64_t>("epochs") < 1) throw ConfigError("epochs: at least 1");
  if (settings.get<std::int64_t>("patience") < 0) throw ConfigError("patience: at least 0");
  for (const std::string& name : settings.get<Texts>("recipe")) find_recipe(recipes, name, "", settings);
}

Result train_cell(const CellContext& context, const std::vector<NamedRecipe>& recipes, std::int64_t entropies_every) {
  const Recipe recipe =
      find_recipe(recipes, context.cell.text("recipe"), context.cell.text("dataset"), context.settings);
  write_file(context.folder / "recipe.json", to_json(recipe).dump(2) + "\n");  // a recipe's name may come to mean more
  return train_classifier(context, {.dataset = context.cell.text("dataset"),
                                    .recipe = recipe,
                                    .epochs = context.settings.get<std::int64_t>("epochs"),
                                    .patience = context.settings.get<std::int64_t>("patience"),
                                    .entropies_every = entropies_every,
                                    .model = [&](std::int64_t inputs, std::int64_t outputs) {
                                      return make_model(context.cell, recipe, inputs, outputs);
                                    }});
}

}  // namespace canopy::training
