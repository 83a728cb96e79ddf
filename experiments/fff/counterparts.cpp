#include <canopy/experiments/fff/counterparts.hpp>

#include <canopy/experiments/fff/counterparts_paper.hpp>
#include <canopy/experiments/training/classification.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>
#include <canopy/experiments/training/classifier_timing.hpp>

namespace canopy::fff {
namespace {

using namespace harness;
using training::recipes;

// "We train fast feedforward networks and feedforward networks of the same training width": a plain network for each
// width, and beside it every tree whose leaves add up to that width.
std::vector<Cell> cells(const Settings& settings) {
  training::check_settings(settings, recipes());
  std::vector<Cell> grid;
  for (const std::string& dataset : settings.get<Texts>("dataset")) {
    for (const std::int64_t width : settings.get<Integers>("width")) {
      for (const std::string& recipe : settings.get<Texts>("recipe")) {
        grid.push_back(training::ff_cell(dataset, width, recipe));
        for (const std::int64_t leaf_width : settings.get<Integers>("leaf_width")) {
          grid.push_back(training::fff_cell(dataset, width, leaf_width, recipe));
        }
      }
    }
  }
  return grid;
}

Settings settings() {
  return training::grid_settings(
      {{"dataset", Texts{"fashion-mnist"}}, {"width", Integers{16, 128}}, {"leaf_width", Integers{8, 1}}},
      {"literal", "canopy"}, 20);
}

}  // namespace

Experiment counterparts() {
  const std::vector<Settings::Entry> whole_table = {{"dataset", Texts{"usps", "mnist", "fashion-mnist"}},
                                                    {"width", Integers{16, 32, 64, 128}},
                                                    {"leaf_width", Integers{8, 4, 2, 1}},
                                                    {"recipe", Texts{"literal", "nearest", "canopy"}}};
  std::vector<Settings::Entry> paper = whole_table;
  paper.emplace_back("epochs", std::int64_t{300});
  paper.emplace_back("patience", std::int64_t{50});
  return {.name = "fff/counterparts",
          .paper = "Fast Feedforward Networks (arXiv 2308.14711)",
          .artefact = "Table 1, Table 4",
          .settings = settings(),
          .presets = {{.name = "quick", .seconds = 25, .seeds = 1, .changes = {}},
                      {.name = "standard", .seconds = 700, .seeds = 3, .changes = whole_table},
                      {.name = "paper", .seconds = 30000, .seeds = 10, .changes = paper}},
          .cells = cells,
          .run = [](const CellContext& context) { return training::train_cell(context, recipes()); },
          .measures = training::classification_measures(),
          .timing = [](const TimingContext& context) { return training::time_classifiers(context, recipes()); },
          .paper_numbers = counterparts_in_paper,
          .columns = {"m_a", "m_a_ett", "g_a", "g_a_ett", "leaves_used", "maximum_leaf_load", "entropy",
                      "microseconds_a_sample", "speedup", "speedup_inference_size"}};
}

}  // namespace canopy::fff
