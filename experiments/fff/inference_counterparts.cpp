#include <canopy/experiments/fff/inference_counterparts.hpp>

#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>

namespace canopy::fff {
namespace {

using namespace harness;
using training::NamedRecipe;

// "We compare against feedforward networks whose width equals the inference size of the tree": the settings of Table 1
// without the hardening loss. The numbers behind the figure are not published.
std::vector<NamedRecipe> recipes() {
  training::Recipe literal = training::literal(), nearest = training::nearest();
  literal.routing.hardening = 0;
  nearest.routing.hardening = 0;
  return {{"literal", literal}, {"nearest", nearest}, training::named_canopy()};
}

void add_cells(const Settings& settings, training::ClassifierCells& cells) {
  for (const Choice& at : product(settings, {"dataset", "recipe", "leaf_width", "depth"})) {
    const std::string &dataset = at.text("dataset"), &recipe = at.text("recipe");
    const Cell tree = cells.fff_of_depth(dataset, at.integer("depth"), at.integer("leaf_width"), recipe);
    cells.add(cells.ff(dataset, training::inference_size(tree), recipe));
    cells.add(tree);
  }
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
  return training::make_experiment(
      {.name = "fff/inference-counterparts",
       .paper = papers::fast_feedforward,
       .artefact = "Figure 2",
       .grid = {{"dataset", Texts{"cifar-10"}}, {"leaf_width", Integers{2, 8}}, {"depth", Integers{2}}},
       .recipes = recipes(),
       .default_recipes = {"literal", "canopy"},
       .epochs = 10,
       .presets = {{.name = "quick", .seconds = 15, .seeds = 1, .changes = {}},
                   {.name = "standard", .seconds = 700, .seeds = 1, .changes = standard},
                   {.name = "paper", .seconds = 220000, .seeds = 10, .changes = paper}},
       .add_cells = add_cells,
       .timed = true,
       .columns = {"m_a", "m_a_ett", "g_a", "g_a_ett", "leaves_used", "maximum_leaf_load", "entropy",
                   "microseconds_a_sample", "speedup_inference_size"}});
}

}  // namespace canopy::fff
