#include <canopy/experiments/fff/hardening.hpp>

#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>

namespace canopy::fff {
namespace {

using namespace harness;

// "The batch means of the node entropies during training, h = 3.0": MNIST, leaves of 8, depths 2, 3 and 4.
void add_cells(const Settings& settings, training::ClassifierCells& cells) {
  for (const Choice& at : product(settings, {"dataset", "recipe", "depth", "leaf_width"})) {
    cells.add(cells.fff_of_depth(at.text("dataset"), at.integer("depth"), at.integer("leaf_width"), at.text("recipe")));
  }
}

}  // namespace

Experiment hardening() {
  return training::make_experiment(
      {.name = "fff/hardening",
       .paper = papers::fast_feedforward,
       .artefact = "Figure 5",
       .grid = {{"dataset", Texts{"mnist"}}, {"leaf_width", std::int64_t{8}}, {"depth", Integers{2, 3, 4}}},
       .recipes = training::recipes(),
       .default_recipes = {"literal", "nearest", "canopy"},
       .epochs = 6,
       .presets = {{.name = "quick", .seconds = 6, .seeds = 1, .changes = {}},
                   {.name = "standard", .seconds = 60, .seeds = 3, .changes = {{"epochs", std::int64_t{20}}}},
                   {.name = "paper", .seconds = 300, .seeds = 1, .changes = {{"epochs", std::int64_t{300}}}}},
       .add_cells = add_cells,
       .entropies_every = 20,
       .columns = {"m_a", "g_a", "g_a_soft", "leaves_used", "maximum_leaf_load", "entropy"}});
}

}  // namespace canopy::fff
