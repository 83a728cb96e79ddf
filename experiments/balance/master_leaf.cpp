#include <canopy/experiments/balance/master_leaf.hpp>

#include <canopy/experiments/balance/recipes.hpp>
#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>

namespace canopy::balance {
namespace {

using namespace harness;
using training::NamedRecipe;

// "Output = k Master + (1 - k) FFF", says the README; the released code, and so the released models, do the opposite.
std::vector<NamedRecipe> recipes() {
  training::Recipe readme = validated();
  readme.task.master_mix = nn::MasterMix::master;
  return {{"released", released()}, {"validated", validated()}, {"readme-mix", readme}};
}

// Each tree, and once a feedforward network of its inference size: the master leaf adds 8 neurons to every answer, so
// that a tree without it is no counterpart of equal cost.
void add_cells(const Settings& settings, training::ClassifierCells& cells) {
  for (const Choice& at : product(settings, {"dataset", "recipe", "width", "leaf_width"})) {
    const std::string &dataset = at.text("dataset"), &recipe = at.text("recipe");
    const Cell tree = cells.master_leaf(dataset, at.integer("width"), at.integer("leaf_width"), recipe);
    cells.add(tree);
    // For a feedforward network the order of the mix means nothing.
    if (recipe != "readme-mix") cells.add(cells.ff(dataset, training::inference_size(tree), recipe));
  }
}

// The best of the five runs that paper 3 released for each tree, re-evaluated on the real data.
std::map<std::string, double> paper_numbers(const Cell& cell) {
  struct Row {
    std::int64_t training_width, leaf_width;
    double train, train_soft, test, test_soft;
  };
  static constexpr Row best[] = {{16, 8, 96.69, 96.74, 94.83, 94.86},  {16, 4, 96.41, 96.71, 94.73, 94.86},
                                 {16, 2, 96.53, 97.20, 94.14, 94.57},  {16, 1, 95.79, 97.34, 93.78, 94.53},
                                 {128, 8, 99.80, 100.0, 95.10, 95.40}, {128, 4, 99.57, 100.0, 95.04, 95.46},
                                 {128, 2, 97.83, 99.87, 93.69, 95.00}, {128, 1, 94.65, 99.77, 91.65, 95.10}};
  if (cell.text("dataset") != "mnist" || cell.text("model") != "master-leaf") return {};
  for (const Row& row : best) {
    if (cell.number("training_width") != row.training_width || cell.number("leaf_width") != row.leaf_width) continue;
    return {{"train_accuracy", row.train},
            {"train_accuracy_soft", row.train_soft},
            {"g_a", row.test},
            {"g_a_soft", row.test_soft}};
  }
  return {};
}

}  // namespace

Experiment master_leaf() {
  const std::vector<Settings::Entry> standard = {{"dataset", Texts{"mnist", "fashion-mnist"}},
                                                 {"width", Integers{16}},
                                                 {"leaf_width", Integers{8, 4, 2, 1}},
                                                 {"epochs", std::int64_t{600}}};
  std::vector<Settings::Entry> paper = standard;
  paper.emplace_back("width", Integers{16, 128});
  return training::make_experiment(
      {.name = "balance/master-leaf",
       .paper = papers::load_balancing,
       .artefact = "experiment 3 (released checkpoints)",
       .grid = {{"dataset", Texts{"fashion-mnist"}}, {"width", Integers{16}}, {"leaf_width", Integers{8, 1}}},
       .recipes = recipes(),
       .default_recipes = {"released", "validated", "readme-mix"},
       .epochs = 40,
       .presets = {{.name = "quick", .seconds = 18, .seeds = 1, .changes = {}},
                   {.name = "standard", .seconds = 2500, .seeds = 3, .changes = standard},
                   {.name = "paper", .seconds = 35000, .seeds = 10, .changes = paper}},
       .add_cells = add_cells,
       .paper_numbers = paper_numbers,
       .columns = {"train_accuracy", "train_accuracy_soft", "g_a", "g_a_soft", "mix", "leaves_used",
                   "maximum_leaf_load"}});
}

}  // namespace canopy::balance
