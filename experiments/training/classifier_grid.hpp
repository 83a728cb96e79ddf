// What experiments with classifiers share: their models, the cells of a grid, the experiment around them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/harness/product.hpp>
#include <canopy/experiments/training/recipe.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::training {

/// The cells of a grid, named after data set, model, sizes and recipe, such as "mnist-fff-w128-l8-canopy".
class ClassifierCells {
 public:
  /// The names of the data sets are told apart: see datasets::short_names. Throws ConfigError for an unknown one.
  explicit ClassifierCells(const harness::Settings& settings);

  // All throw ConfigError, naming the setting, for sizes that are none or that no memory of this machine can hold.

  /// A feedforward network of this hidden width,
  harness::Cell ff(const std::string& dataset, std::int64_t width, const std::string& recipe) const;
  /// the fast feedforward layer of paper 1, of 2^depth leaves; throws ConfigError where the training width is no such
  /// multiple of the leaf width, or the depth above nn::deepest_tree,
  harness::Cell fff(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
                    const std::string& recipe) const;
  harness::Cell fff_of_depth(const std::string& dataset, std::int64_t depth, std::int64_t leaf_width,
                             const std::string& recipe) const;
  /// the same with paper 3's master leaf of 8 neurons,
  harness::Cell master_leaf(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
                            const std::string& recipe) const;
  /// and a noisy top-2 mixture of training_width / expert_width experts.
  harness::Cell moe(const std::string& dataset, std::int64_t training_width, std::int64_t expert_width,
                    const std::string& recipe) const;

  /// Adds a cell to the grid, unless it is there already: several trees may share a counterpart.
  void add(harness::Cell cell);
  const std::vector<harness::Cell>& all() const { return cells_; }

 private:
  harness::Cell cell(const std::string& dataset, const std::string& model, std::int64_t training_width,
                     std::optional<std::int64_t> leaf_width, std::optional<std::int64_t> depth,
                     const std::string& recipe, std::int64_t neurons) const;

  std::map<std::string, std::string> names_;  // of the data sets, in cells
  std::vector<harness::Cell> cells_;
};

/// The hidden neurons and nodes that one input takes at inference: depth + leaf width, with a master leaf 8 more; of
/// the others the active hidden width.
std::int64_t inference_size(const harness::Cell& cell);

std::unique_ptr<nn::Layer> make_model(const harness::Cell& cell, const Recipe& recipe, std::int64_t inputs,
                                      std::int64_t outputs);

/// An experiment that trains classifiers: what is its own.
struct ClassifierExperiment {
  std::string name;
  std::string paper;
  std::string artefact;
  std::vector<harness::Settings::Entry> grid;  ///< the settings that span it, with their defaults
  std::vector<NamedRecipe> recipes;
  std::vector<std::string> default_recipes;
  std::int64_t epochs = 20;
  std::vector<harness::Preset> presets;
  /// Adds the cells of the grid, in the order of the table.
  std::function<void(const harness::Settings&, ClassifierCells&)> add_cells;
  bool timed = false;                ///< whether inference is timed after the grid
  std::int64_t entropies_every = 0;  ///< see ClassifierOptions
  std::function<std::map<std::string, double>(const harness::Cell&)> paper_numbers = {};
  std::vector<std::string> columns;
};

/// With the settings of `grid`, then "recipe" (a list), "epochs", "patience" (0: off) and, for each field of a recipe,
/// what changes it, all checked before a cell runs. Each cell keeps its recipe as resolved in recipe.json beside its
/// result.
harness::Experiment make_experiment(ClassifierExperiment classifier);

}  // namespace canopy::training
