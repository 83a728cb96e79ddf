#include <canopy/experiments/fff/ablation.hpp>

#include <functional>

#include <canopy/experiments/papers.hpp>
#include <canopy/experiments/training/classifier_grid.hpp>

namespace canopy::fff {
namespace {

using namespace harness;
using training::NamedRecipe;
using training::Recipe;

// The canopy recipe, and that recipe with one thing changed.
const std::vector<NamedRecipe>& recipes() {
  static const std::vector<NamedRecipe> list = [] {
    const NamedRecipe canopy = training::named_canopy();
    std::vector<NamedRecipe> all = {canopy};
    const auto variant = [&](const char* name, const std::function<void(Recipe&)>& change) {
      all.push_back({name, canopy.recipe, canopy.photographs});
      change(all.back().recipe);
      change(*all.back().photographs);
    };
    // Region leak (paper 1, "Overfragmentation"); recommended there, never reported.
    variant("region-leak-001", [](Recipe& r) { r.task.region_leak = 0.01; });
    variant("region-leak-005", [](Recipe& r) { r.task.region_leak = 0.05; });
    // Localised optimisation, likewise.
    variant("local-batch-32", [](Recipe& r) { r.optimisation.local_batch = 32; });
    variant("local-batch-256", [](Recipe& r) { r.optimisation.local_batch = 256; });
    // When hardening sets in, and how the entropies are summed.
    variant("no-hardening", [](Recipe& r) { r.routing.hardening = 0; });
    variant("hardening-from-half", [](Recipe& r) { r.routing.hardening_from = 0.5; });
    variant("entropy-mean", [](Recipe& r) { r.routing.hardening_weighting = nn::EntropyWeighting::mean; });
    variant("entropy-node-sum", [](Recipe& r) { r.routing.hardening_weighting = nn::EntropyWeighting::node_sum; });
    // Load balance.
    variant("no-balance", [](Recipe& r) { r.routing.balance = 0; });
    variant("balance-01", [](Recipe& r) { r.routing.balance = 0.1; });
    variant("balance-frequency", [](Recipe& r) { r.routing.balance_form = nn::BalanceForm::frequency; });
    // Straight-through routing.
    variant("soft", [](Recipe& r) { r.routing.straight_through_from = 1; });
    variant("straight-through-from-0", [](Recipe& r) { r.routing.straight_through_from = 0; });
    // The rest of the recipe.
    variant("no-tree-initialisation", [](Recipe& r) { r.routing.tree_initialisation = false; });
    variant("input-unit", [](Recipe& r) { r.task.input = Input::unit; });
    variant("sgd", [](Recipe& r) {
      r.optimisation.optimizer = "sgd";
      r.optimisation.learning_rate = 0.2;
      r.optimisation.weight_decay = 0;
    });
    return all;
  }();
  return list;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const NamedRecipe& each : recipes()) all.push_back(each.name);
  return all;
}

void add_cells(const Settings& settings, training::ClassifierCells& cells) {
  for (const Choice& at : product(settings, {"dataset", "width", "leaf_width", "recipe"})) {
    cells.add(cells.fff(at.text("dataset"), at.integer("width"), at.integer("leaf_width"), at.text("recipe")));
  }
}

}  // namespace

Experiment ablation() {
  const std::vector<Settings::Entry> standard = {{"dataset", Texts{"mnist", "fashion-mnist"}},
                                                 {"width", Integers{16, 128}},
                                                 {"leaf_width", Integers{8, 1}},
                                                 {"epochs", std::int64_t{20}}};
  std::vector<Settings::Entry> paper = standard;
  paper.emplace_back("width", Integers{16, 32, 64, 128});
  paper.emplace_back("leaf_width", Integers{8, 4, 2, 1});
  return training::make_experiment(
      {.name = "fff/ablation",
       .paper = papers::fast_feedforward,
       .artefact = "an ablation of what the paper recommends and of the canopy recipe",
       .grid = {{"dataset", Texts{"fashion-mnist"}}, {"width", Integers{32}}, {"leaf_width", Integers{1}}},
       .recipes = recipes(),
       .default_recipes = names(),
       .epochs = 8,
       .presets = {{.name = "quick", .seconds = 13, .seeds = 1, .changes = {}},
                   {.name = "standard", .seconds = 700, .seeds = 3, .changes = standard},
                   {.name = "paper", .seconds = 10000, .seeds = 10, .changes = paper}},
       .add_cells = add_cells,
       .columns = {"m_a", "g_a", "g_a_soft", "leaves_used", "maximum_leaf_load", "entropy"}});
}

}  // namespace canopy::fff
