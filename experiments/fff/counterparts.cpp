#include <canopy/experiments/fff/counterparts.hpp>

#include <canopy/experiments/fff/counterparts_paper.hpp>
#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>

namespace canopy::fff {
namespace {

using namespace harness;

// "We train fast feedforward networks and feedforward networks of the same training width": a plain network for each
// width, and beside it every tree whose leaves add up to that width.
void add_cells(const Settings& settings, training::ClassifierCells& cells) {
  for (const Choice& at : product(settings, {"dataset", "width", "recipe"})) {
    const std::string &dataset = at.text("dataset"), &recipe = at.text("recipe");
    const std::int64_t width = at.integer("width");
    cells.add(cells.ff(dataset, width, recipe));
    for (const std::int64_t leaf_width : settings.get<Integers>("leaf_width")) {
      cells.add(cells.fff(dataset, width, leaf_width, recipe));
    }
  }
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
  return training::make_experiment(
      {.name = "fff/counterparts",
       .paper = papers::fast_feedforward,
       .artefact = "Table 1, Table 4",
       .grid = {{"dataset", Texts{"fashion-mnist"}}, {"width", Integers{16, 128}}, {"leaf_width", Integers{8, 1}}},
       .recipes = training::recipes(),
       .default_recipes = {"literal", "canopy"},
       .epochs = 20,
       .presets = {{.name = "quick", .seconds = 25, .seeds = 1, .changes = {}},
                   {.name = "standard", .seconds = 700, .seeds = 3, .changes = whole_table},
                   {.name = "paper", .seconds = 30000, .seeds = 10, .changes = paper}},
       .add_cells = add_cells,
       .timed = true,
       .paper_numbers = counterparts_in_paper,
       .columns = {"m_a", "m_a_ett", "g_a", "g_a_ett", "leaves_used", "maximum_leaf_load", "entropy",
                   "microseconds_a_sample", "speedup", "speedup_inference_size"}});
}

}  // namespace canopy::fff
