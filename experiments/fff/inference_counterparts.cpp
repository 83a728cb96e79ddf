#include <canopy/experiments/fff/inference_counterparts.hpp>

#include <set>

#include <canopy/experiments/training/classification.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>
#include <canopy/experiments/training/classifier_timing.hpp>

namespace canopy::fff {
namespace {

using namespace harness;
using training::NamedRecipe;

// "We compare against feedforward networks whose width equals the inference size of the tree": the settings of Table 1
// without the hardening loss. The numbers behind the figure are not published.
const std::vector<NamedRecipe>& recipes() {
  training::Recipe literal = training::literal();
  literal.hardening = 0;
  training::Recipe nearest = training::nearest();
  nearest.hardening = 0;
  static const std::vector<NamedRecipe> list = {{"literal", literal}, {"nearest", nearest}, training::named_canopy()};
  return list;
}

std::vector<Cell> cells(const Settings& settings) {
  training::check_settings(settings, recipes());
  std::vector<Cell> grid;
  for (const std::string& dataset : settings.get<Texts>("dataset")) {
    for (const std::string& recipe : settings.get<Texts>("recipe")) {
      std::set<std::int64_t> sizes;  // several trees share a counterpart
      for (const std::int64_t leaf_width : settings.get<Integers>("leaf_width")) {
        for (const std::int64_t depth : settings.get<Integers>("depth")) {
          if (depth < 0 || depth > 24) throw ConfigError("depth: from 0 to 24");
          const Cell tree = training::fff_cell(dataset, leaf_width << depth, leaf_width, recipe);
          const std::int64_t size = training::inference_size(tree);
          if (sizes.insert(size).second) grid.push_back(training::ff_cell(dataset, size, recipe));
          grid.push_back(tree);
        }
      }
    }
  }
  return grid;
}

Settings settings() {
  return training::grid_settings(
      {{"dataset", Texts{"cifar-10"}}, {"leaf_width", Integers{2, 8}}, {"depth", Integers{2}}}, {"literal", "canopy"},
      10);
}

}  // namespace

Experiment inference_counterparts() {
  const std::vector<Settings::Entry> standard = {{"dataset", Texts{"cifar-10", "mnist", "fashion-mnist"}},
                                                 {"leaf_width", Integers{2, 4, 6, 8, 16, 32}},
                                                 {"depth", Integers{2, 6}},
                                                 {"epochs", std::int64_t{20}}};
  const std::vector<Settings::Entry> paper = {{"dataset", Texts{"svhn", "cifar-10", "cifar-100"}},
                                              {"leaf_width", Integers{2, 4, 6, 8, 16, 32}},
                                              {"depth", Integers{2, 6}},
                                              {"epochs", std::int64_t{300}},
                                              {"patience", std::int64_t{50}}};
  return {.name = "fff/inference-counterparts",
          .paper = "Fast Feedforward Networks (arXiv 2308.14711)",
          .artefact = "Figure 2",
          .settings = settings(),
          .presets = {{.name = "quick", .seconds = 15, .seeds = 1, .changes = {}},
                      {.name = "standard", .seconds = 700, .seeds = 1, .changes = standard},
                      {.name = "paper", .seconds = 220000, .seeds = 10, .changes = paper}},
          .cells = cells,
          .run = [](const CellContext& context) { return training::train_cell(context, recipes()); },
          .measures = training::classification_measures(),
          .timing = [](const TimingContext& context) { return training::time_classifiers(context, recipes()); },
          .columns = {"m_a", "m_a_ett", "g_a", "g_a_ett", "leaves_used", "maximum_leaf_load", "entropy",
                      "microseconds_a_sample", "speedup_inference_size"}};
}

}  // namespace canopy::fff
