#include <canopy/experiments/fff/experts.hpp>

#include <array>
#include <map>

#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>

namespace canopy::fff {
namespace {

using namespace harness;
using training::Recipe;

constexpr std::int64_t leaf_width = 32;
constexpr std::int64_t expert_width = 16;  // two of them answer: as wide as a leaf

// "All models train by Adam, rate 0.001, halved on training-accuracy plateaus of 250 epochs, in batches of 4096;
// w_importance = w_load = 0.1, h = 3.0."
Recipe literal() {
  return {.optimisation =
              {.optimizer = "adam", .learning_rate = 1e-3, .schedule = "plateau", .plateau = 250, .batch_size = 4096},
          .routing = {.importance = 0.1, .load = 0.1}};
}

// As in Table 1, the paper does not say how images become inputs.
Recipe nearest() {
  Recipe recipe = literal();
  recipe.task.input = Input::centred;
  return recipe;
}

void add_cells(const Settings& settings, training::ClassifierCells& cells) {
  for (const Choice& at : product(settings, {"dataset", "width", "recipe"})) {
    const std::string &dataset = at.text("dataset"), &recipe = at.text("recipe");
    const std::int64_t width = at.integer("width");
    cells.add(cells.ff(dataset, width, recipe));
    cells.add(cells.moe(dataset, width, expert_width, recipe));
    cells.add(cells.fff(dataset, width, leaf_width, recipe));
  }
}

// Table 2: accuracies and the epochs to them.
std::map<std::string, double> paper_numbers(const Cell& cell) {
  using Row = std::array<double, 4>;  // M_A, ETT, G_A, ETT
  static const std::map<std::string, std::map<std::int64_t, Row>> table = {{"ff",
                                                                            {{64, {87.2, 307, 49.3, 55}},
                                                                             {128, {95.5, 200, 51.5, 46}},
                                                                             {256, {99.9, 105, 52.0, 48}},
                                                                             {512, {99.9, 85, 52.4, 31}},
                                                                             {1024, {99.9, 82, 53.0, 21}}}},
                                                                           {"moe",
                                                                            {{64, {57.8, 5354, 29.4, 4880}},
                                                                             {128, {62.0, 6074, 33.6, 938}},
                                                                             {256, {62.4, 2001, 33.9, 372}},
                                                                             {512, {65.4, 3834, 34.5, 315}},
                                                                             {1024, {65.3, 1575, 35.2, 327}}}},
                                                                           {"fff",
                                                                            {{64, {85.8, 302, 45.9, 22}},
                                                                             {128, {90.1, 305, 45.5, 22}},
                                                                             {256, {91.2, 244, 44.4, 17}},
                                                                             {512, {96.2, 175, 43.7, 10}},
                                                                             {1024, {96.0, 180, 41.3, 9}}}}};
  const auto model = table.find(cell.text("model"));
  if (cell.text("dataset") != "cifar-10" || model == table.end()) return {};
  const auto row = model->second.find(cell.number("training_width").value());
  if (row == model->second.end()) return {};
  return {{"m_a", row->second[0]}, {"m_a_ett", row->second[1]}, {"g_a", row->second[2]}, {"g_a_ett", row->second[3]}};
}

}  // namespace

Experiment experts() {
  const std::vector<Settings::Entry> standard = {{"width", Integers{64, 256, 1024}},
                                                 {"recipe", Texts{"literal"}},
                                                 {"epochs", std::int64_t{1500}},
                                                 {"patience", std::int64_t{150}}};
  const std::vector<Settings::Entry> paper = {{"width", Integers{64, 128, 256, 512, 1024}},
                                              {"recipe", Texts{"literal"}},
                                              {"epochs", std::int64_t{7000}},
                                              {"patience", std::int64_t{350}}};
  return training::make_experiment(
      {.name = "fff/experts",
       .paper = papers::fast_feedforward,
       .artefact = "Table 2",
       .grid = {{"dataset", Texts{"cifar-10"}}, {"width", Integers{64}}},
       .recipes = {{"literal", literal()}, {"nearest", nearest()}, training::named_canopy()},
       .default_recipes = {"literal", "canopy"},
       .epochs = 15,
       .presets = {{.name = "quick", .seconds = 30, .seeds = 1, .changes = {}},
                   {.name = "standard", .seconds = 9000, .seeds = 1, .changes = standard},
                   {.name = "paper", .seconds = 60000, .seeds = 1, .changes = paper}},
       .add_cells = add_cells,
       .timed = true,
       .paper_numbers = paper_numbers,
       .columns = {"m_a", "m_a_ett", "g_a", "g_a_ett", "leaves_used", "maximum_leaf_load", "epochs", "speedup"}});
}

}  // namespace canopy::fff
