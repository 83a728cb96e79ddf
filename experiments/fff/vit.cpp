#include <canopy/experiments/fff/vit.hpp>

#include <canopy/core/error.hpp>
#include <canopy/datasets/load.hpp>
#include <canopy/experiments/fff/vit_model.hpp>
#include <canopy/experiments/fff/vit_recipe.hpp>
#include <canopy/experiments/fff/vit_timing.hpp>
#include <canopy/experiments/fff/vit_training.hpp>
#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classification.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>
#include <canopy/experiments/training/entropy_figures.hpp>

#include <fmt/format.h>

namespace canopy::fff {
namespace {

using namespace harness;

// A dense model of the training width for each recipe, and beside it trees and, of recipe "canopy", dense models of
// their inference sizes. The paper's recipes have leaf widths of their own, since each takes nights.
std::vector<Cell> cells_of(const Settings& settings) {
  settings.check();
  const std::string canopy = vit_recipes().front().first;
  training::ClassifierCells cells(settings);
  for (const std::string& name : settings.get<Texts>("dataset")) datasets::require_images(name);
  const auto heads = settings.get<std::int64_t>("heads"), all_heads = settings.get<std::int64_t>("model_width");
  if (all_heads % heads != 0) {
    throw ConfigError(fmt::format("heads: {} do not divide the model width of {}", heads, all_heads));
  }
  for (const Choice& at : product(settings, {"dataset", "width", "recipe"})) {
    const std::string &dataset = at.text("dataset"), &recipe = at.text("recipe");
    const std::int64_t width = at.integer("width");
    find_vit_recipe(recipe, settings);
    cells.add(cells.ff(dataset, width, recipe));
    for (const std::int64_t leaf_width :
         settings.get<Integers>(recipe == canopy ? "leaf_width" : "literal_leaf_width")) {
      const Cell tree = cells.fff(dataset, width, leaf_width, recipe);
      cells.add(tree);
      if (recipe == canopy) cells.add(cells.ff(dataset, training::inference_size(tree), recipe));
    }
  }
  std::vector<Cell> all = cells.all();
  // Attention and the maps around it take most of the time, whatever the feedforward part.
  for (Cell& cell : all) cell.work = cell.number("depth") ? 1.4 : 1;
  return all;
}

std::vector<Settings::Entry> settings_of() {
  const Range widths{.least = 1, .most = 4096};
  std::vector<Settings::Entry> entries = {
      {"dataset", Texts{"cifar-10"}},
      {"width", within(widths, Integers{128})},
      {"leaf_width", within(widths, Integers{32, 1})},
      {"literal_leaf_width", within(widths, Integers{32})},
      {"recipe", Texts{"canopy"}},
      {"epochs", within(count_from_1, std::int64_t{6})},
      {"patience", within(count_from_0, std::int64_t{0})},
      {"images", within(count_from_0, std::int64_t{2000})},  // of the training set; 0: all
  };
  const std::vector<Settings::Entry> sizes = vit_sizes();
  entries.insert(entries.end(), sizes.begin(), sizes.end());
  append_settings<VitRecipe>(entries);
  return entries;
}

Measures measures() {
  Measures measures = training::classification_measures();
  measures.metrics.push_back({.name = "model_speedup", .title = "model", .digits = 2, .timed = true});
  measures.charts = {{.name = "accuracy",
                      .unit = "%",
                      .curves = {{.column = "validation_accuracy"}},
                      .figures = {"dataset"},
                      .panels = {"recipe"}}};
  return measures;
}

// Table 3: the speed of the feedforward layers alone, and G_A.
std::map<std::string, double> paper_numbers(const Cell& cell) {
  if (cell.text("dataset") != "cifar-10" || cell.number("training_width") != 128) return {};
  static const std::map<std::int64_t, std::pair<double, double>> by_leaf_width = {
      {0, {1.00, 84.7}}, {32, {2.44, 83.6}}, {16, {2.80, 83.2}}, {8, {3.29, 82.8}},
      {4, {3.39, 81.6}}, {2, {3.47, 80.1}},  {1, {3.93, 79.8}}};
  const auto row = by_leaf_width.find(cell.number("leaf_width").value_or(0));
  if (row == by_leaf_width.end()) return {};
  return {{"speedup", row->second.first}, {"g_a", row->second.second}};
}

}  // namespace

Experiment vit() {
  const std::vector<Settings::Entry> standard = {{"leaf_width", Integers{32, 8, 1}},
                                                 {"recipe", Texts{"canopy", "literal"}},
                                                 {"epochs", std::int64_t{10}},
                                                 {"images", std::int64_t{0}}};
  const std::vector<Settings::Entry> paper = {{"leaf_width", Integers{32, 16, 8, 4, 2, 1}},
                                              {"literal_leaf_width", Integers{32, 16, 8, 4, 2, 1}},
                                              {"recipe", Texts{"canopy", "literal", "literal-h10", "literal-frozen"}},
                                              {"epochs", std::int64_t{500}},
                                              {"images", std::int64_t{0}}};
  return {.name = "fff/vit",
          .paper = papers::fast_feedforward,
          .artefact = "Table 3, Figure 6",
          .settings = Settings(settings_of()),
          .presets = {{.name = "quick", .seconds = 180, .seeds = 1, .changes = {}},
                      {.name = "standard", .seconds = 6000, .seeds = 1, .changes = standard},
                      {.name = "paper", .seconds = 600000, .seeds = 1, .changes = paper}},
          .cells = cells_of,
          .run = train_vit,
          .measures = measures(),
          .timing = time_vits,
          .paper_numbers = paper_numbers,
          .columns = {"g_a", "g_a_soft", "g_a_ett", "validation_accuracy", "leaves_used", "maximum_leaf_load",
                      "entropy", "microseconds_a_sample", "speedup", "speedup_inference_size", "model_speedup"},
          .figures = training::entropy_figures};
}

}  // namespace canopy::fff
