#include <canopy/experiments/fff/hardening.hpp>

#include <canopy/experiments/training/classification.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>
#include <canopy/experiments/training/entropy_figures.hpp>

namespace canopy::fff {
namespace {

using namespace harness;
using training::recipes;

// "The batch means of the node entropies during training, h = 3.0": MNIST, leaves of 8, depths 2, 3 and 4. Training
// steps between two points of the curves:
constexpr std::int64_t every = 20;

std::vector<Cell> cells(const Settings& settings) {
  training::check_settings(settings, recipes());
  std::vector<Cell> grid;
  for (const std::string& dataset : settings.get<Texts>("dataset")) {
    for (const std::string& recipe : settings.get<Texts>("recipe")) {
      for (const std::int64_t depth : settings.get<Integers>("depth")) {
        if (depth < 1 || depth > 24) throw ConfigError("depth: from 1 to 24");
        const auto leaf_width = settings.get<std::int64_t>("leaf_width");
        grid.push_back(training::fff_cell(dataset, leaf_width << depth, leaf_width, recipe));
      }
    }
  }
  return grid;
}

Settings settings() {
  return training::grid_settings(
      {{"dataset", Texts{"mnist"}}, {"leaf_width", std::int64_t{8}}, {"depth", Integers{2, 3, 4}}},
      {"literal", "nearest", "canopy"}, 6);
}

}  // namespace

Experiment hardening() {
  return {.name = "fff/hardening",
          .paper = "Fast Feedforward Networks (arXiv 2308.14711)",
          .artefact = "Figure 5",
          .settings = settings(),
          .presets = {{.name = "quick", .seconds = 6, .seeds = 1, .changes = {}},
                      {.name = "standard", .seconds = 60, .seeds = 3, .changes = {{"epochs", std::int64_t{20}}}},
                      {.name = "paper", .seconds = 300, .seeds = 1, .changes = {{"epochs", std::int64_t{300}}}}},
          .cells = cells,
          .run = [](const CellContext& context) { return training::train_cell(context, recipes(), every); },
          .measures = training::classification_measures(),
          .columns = {"m_a", "g_a", "g_a_soft", "leaves_used", "maximum_leaf_load", "entropy"},
          .figures = training::entropy_figures};
}

}  // namespace canopy::fff
