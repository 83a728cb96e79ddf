#include <canopy/experiments/balance/load_balance.hpp>

#include <canopy/experiments/balance/recipes.hpp>
#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>

namespace canopy::balance {
namespace {

using namespace harness;
using training::NamedRecipe;

// The balanced tree with the model selected as released and as it should be; the same training without the balance
// loss, which is what balance is to improve on; and our own recipe.
std::vector<NamedRecipe> recipes() {
  training::Recipe unbalanced = validated();
  unbalanced.routing.balance = 0;
  unbalanced.routing.balance_phase = 0;
  return {{"released", released()}, {"validated", validated()}, {"unbalanced", unbalanced}, training::named_canopy()};
}

// A pair of a training width and a leaf width that the paper's checkpoints have.
bool published(std::int64_t width, std::int64_t leaf_width) { return leaf_width <= width / 2; }

void add_cells(const Settings& settings, training::ClassifierCells& cells) {
  for (const Choice& at : product(settings, {"dataset", "width", "leaf_width", "recipe"})) {
    const std::int64_t width = at.integer("width"), leaf_width = at.integer("leaf_width");
    if (published(width, leaf_width)) cells.add(cells.fff(at.text("dataset"), width, leaf_width, at.text("recipe")));
  }
}

// The best checkpoints that paper 3 released, re-evaluated on the real data: hard and soft accuracies.
std::map<std::string, double> paper_numbers(const Cell& cell) {
  struct Row {
    const char* dataset;
    std::int64_t training_width, leaf_width;
    double train, train_soft, test, test_soft, leaves_used, maximum_leaf_load;
  };
  static constexpr Row table[] = {{"fashion-mnist", 16, 8, 89.25, 89.30, 86.10, 86.09, 2, 59.4},
                                  {"fashion-mnist", 16, 4, 88.85, 89.03, 85.79, 85.98, 4, 32.3},
                                  {"fashion-mnist", 16, 2, 88.68, 89.69, 84.64, 85.52, 8, 16.3},
                                  {"fashion-mnist", 16, 1, 82.86, 87.55, 80.28, 84.29, 12, 16.7},
                                  {"fashion-mnist", 128, 64, 96.48, 96.50, 88.84, 88.83, 2, 59.6},
                                  {"fashion-mnist", 128, 32, 94.20, 94.30, 88.06, 88.17, 4, 26.2},
                                  {"fashion-mnist", 128, 8, 92.19, 92.80, 86.69, 87.20, 15, 7.5},
                                  {"fashion-mnist", 128, 4, 88.03, 88.90, 85.76, 86.51, 15, 22.6},
                                  {"fashion-mnist", 128, 2, 87.80, 88.54, 84.83, 85.60, 12, 18.0},
                                  {"fashion-mnist", 128, 1, 81.69, 84.44, 79.86, 82.81, 32, 12.6},
                                  {"mnist", 16, 8, 94.35, 94.59, 93.46, 93.64, 2, 55.1},
                                  {"mnist", 16, 4, 92.69, 94.22, 91.39, 92.94, 4, 33.5},
                                  {"mnist", 16, 2, 92.77, 94.97, 91.00, 92.39, 8, 19.8},
                                  {"mnist", 16, 1, 90.58, 94.44, 89.04, 91.06, 16, 10.5}};
  const std::string& dataset = cell.text("dataset");
  const auto width = cell.number("training_width"), leaf_width = cell.number("leaf_width");
  for (const Row& row : table) {
    if (dataset != row.dataset || width != row.training_width || leaf_width != row.leaf_width) continue;
    return {{"train_accuracy", row.train},
            {"train_accuracy_soft", row.train_soft},
            {"g_a", row.test},
            {"g_a_soft", row.test_soft},
            {"leaves_used", row.leaves_used},
            {"maximum_leaf_load", row.maximum_leaf_load}};
  }
  // The released best of 128 = 8 x 16 was trained without the balance loss; its balanced siblings reach 86.92.
  if (dataset == "fashion-mnist" && width == 128 && leaf_width == 16) return {{"g_a", 86.92}};
  return {};
}

}  // namespace

Experiment load_balance() {
  const std::vector<Settings::Entry> standard = {{"dataset", Texts{"mnist", "fashion-mnist"}},
                                                 {"width", Integers{16}},
                                                 {"leaf_width", Integers{8, 4, 2, 1}},
                                                 {"recipe", Texts{"released", "validated", "unbalanced"}},
                                                 {"epochs", std::int64_t{600}}};
  const std::vector<Settings::Entry> paper = {{"dataset", Texts{"mnist", "fashion-mnist"}},
                                              {"width", Integers{16, 128}},
                                              {"leaf_width", Integers{64, 32, 16, 8, 4, 2, 1}},
                                              {"recipe", Texts{"released", "validated", "unbalanced"}},
                                              {"epochs", std::int64_t{600}}};
  return training::make_experiment(
      {.name = "balance/load-balance",
       .paper = papers::load_balancing,
       .artefact = "experiments 1 and 2 (released checkpoints)",
       .grid = {{"dataset", Texts{"fashion-mnist"}}, {"width", Integers{16}}, {"leaf_width", Integers{8, 1}}},
       .recipes = recipes(),
       .default_recipes = {"released", "validated", "unbalanced", "canopy"},
       .epochs = 40,
       .presets = {{.name = "quick", .seconds = 12, .seeds = 1, .changes = {}},
                   {.name = "standard", .seconds = 1600, .seeds = 3, .changes = standard},
                   {.name = "paper", .seconds = 40000, .seeds = 10, .changes = paper}},
       .add_cells = add_cells,
       .paper_numbers = paper_numbers,
       .columns = {"train_accuracy", "train_accuracy_soft", "g_a", "g_a_soft", "leaves_used", "maximum_leaf_load",
                   "entropy"}});
}

}  // namespace canopy::balance
