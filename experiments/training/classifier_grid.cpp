#include <canopy/experiments/training/classifier_grid.hpp>

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include <canopy/canopy.hpp>
#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/harness/machine.hpp>
#include <canopy/experiments/training/classification.hpp>
#include <canopy/experiments/training/classifier.hpp>
#include <canopy/experiments/training/classifier_timing.hpp>
#include <canopy/experiments/training/entropy_figures.hpp>

#include <fmt/format.h>

namespace canopy::training {

using namespace harness;

namespace {

constexpr std::int64_t master_leaf_width = 8;
constexpr std::int64_t experts_per_sample = 2;
constexpr Range widths{.least = 1, .most = 1 << nn::deepest_tree};
constexpr Range depths{.least = 0, .most = nn::deepest_tree};

struct Size {
  double samples, features;
};

// Of the training part; none of a data set that is not known.
std::optional<Size> size_of(const std::string& dataset) {
  static const std::map<std::string, Size> known = {{"mnist", {60000, 784}},      {"fashion-mnist", {60000, 784}},
                                                    {"usps", {7291, 256}},        {"cifar-10", {50000, 3072}},
                                                    {"cifar-100", {50000, 3072}}, {"svhn", {73257, 3072}}};
  const auto found = known.find(dataset);
  return found == known.end() ? std::nullopt : std::optional(found->second);
}

// Reading and converting an input takes as long as a hundred neurons; a data set that is not known is like MNIST.
double work_of(const std::string& dataset, std::int64_t neurons) {
  const Size size = size_of(dataset).value_or(Size{60000, 784});
  return size.samples * size.features * static_cast<double>(100 + neurons);
}

// Weights and their gradients, at least.
void require_memory(const std::string& dataset, std::int64_t neurons) {
  const double inputs = size_of(dataset).value_or(Size{1, 1}).features;
  const double gigabytes = 2 * sizeof(float) * static_cast<double>(neurons) * inputs / 1e9;
  const double there = gigabytes_of_memory();
  if (gigabytes <= there) return;
  throw ConfigError(fmt::format(
      "width: at most what fits the {:.1f} GB of this machine, not {} neurons of {} inputs, which take {:.1f} GB",
      there, neurons, inputs, gigabytes));
}

// Of a tree whose 2^depth leaves have this training width together.
int depth_of(std::int64_t training_width, std::int64_t leaf_width) {
  const bool fits = leaf_width > 0 && training_width > 0 && training_width % leaf_width == 0 &&
                    std::has_single_bit(static_cast<std::uint64_t>(training_width / leaf_width));
  if (!fits) {
    throw ConfigError(
        fmt::format("leaf_width: {} leaves of training width {} are no power of two", leaf_width, training_width));
  }
  const int depth = std::countr_zero(static_cast<std::uint64_t>(training_width / leaf_width));
  depths.check("depth", depth);
  return depth;
}

}  // namespace

ClassifierCells::ClassifierCells(const Settings& settings) {
  const Texts& sets = settings.get<Texts>("dataset");
  for (const std::string& set : sets) {
    try {
      datasets::require_known(set);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("dataset: {}", error.what()));
    }
  }
  const std::vector<std::string> names = datasets::short_names(sets);
  for (std::size_t i = 0; i < sets.size(); ++i) names_.emplace(sets[i], names[i]);
}

Cell ClassifierCells::cell(const std::string& dataset, const std::string& model, std::int64_t training_width,
                           std::optional<std::int64_t> leaf_width, std::optional<std::int64_t> depth,
                           const std::string& recipe, std::int64_t neurons) const {
  widths.check("width", static_cast<double>(training_width));
  require_memory(dataset, training_width + (depth ? std::int64_t{1} << *depth : 0));
  const std::string leaf = leaf_width ? fmt::format("-l{}", *leaf_width) : "";
  return {.name = fmt::format("{}-{}-w{}{}-{}", names_.at(dataset), model, training_width, leaf, recipe),
          .labels = {{"dataset", dataset},
                     {"model", model},
                     {"recipe", recipe},
                     {"training_width", training_width},
                     {"leaf_width", label(leaf_width)},
                     {"depth", label(depth)}},
          .work = work_of(dataset, neurons)};
}

Cell ClassifierCells::ff(const std::string& dataset, std::int64_t width, const std::string& recipe) const {
  return cell(dataset, "ff", width, {}, {}, recipe, width);
}

Cell ClassifierCells::fff(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
                          const std::string& recipe) const {
  const int depth = depth_of(training_width, leaf_width);
  return cell(dataset, "fff", training_width, leaf_width, depth, recipe, training_width + (std::int64_t{1} << depth));
}

Cell ClassifierCells::fff_of_depth(const std::string& dataset, std::int64_t depth, std::int64_t leaf_width,
                                   const std::string& recipe) const {
  depths.check("depth", static_cast<double>(depth));
  widths.check("leaf_width", static_cast<double>(leaf_width));
  return fff(dataset, leaf_width << depth, leaf_width, recipe);
}

Cell ClassifierCells::master_leaf(const std::string& dataset, std::int64_t training_width, std::int64_t leaf_width,
                                  const std::string& recipe) const {
  const int depth = depth_of(training_width, leaf_width);
  return cell(dataset, "master-leaf", training_width, leaf_width, depth, recipe,
              training_width + (std::int64_t{1} << depth));
}

Cell ClassifierCells::moe(const std::string& dataset, std::int64_t training_width, std::int64_t expert_width,
                          const std::string& recipe) const {
  if (expert_width < 1 || training_width % expert_width != 0 || training_width / expert_width < experts_per_sample) {
    throw ConfigError(fmt::format("expert_width: {} does not divide the training width {} into {} experts or more",
                                  expert_width, training_width, experts_per_sample));
  }
  return cell(dataset, "moe", training_width, expert_width, {}, recipe,
              experts_per_sample * expert_width + 2 * training_width / expert_width);
}

void ClassifierCells::add(Cell cell) {
  if (std::ranges::find(cells_, cell.name, &Cell::name) != cells_.end()) return;
  if (cells_.size() == most_cells) throw ConfigError(fmt::format("the grid has more than {} cells", most_cells));
  cells_.push_back(std::move(cell));
}

std::int64_t inference_size(const Cell& cell) {
  const std::string& model = cell.text("model");
  const std::int64_t leaf_width = cell.number("leaf_width").value_or(0);
  if (model == "moe") return experts_per_sample * leaf_width;
  const auto depth = cell.number("depth");
  if (!depth) return cell.number("training_width").value();
  return *depth + leaf_width + (model == "master-leaf" ? master_leaf_width : 0);
}

std::unique_ptr<nn::Layer> make_model(const Cell& cell, const Recipe& recipe, std::int64_t inputs,
                                      std::int64_t outputs) {
  const std::string& model = cell.text("model");
  const std::int64_t width = cell.number("training_width").value();
  const std::int64_t leaf_width = cell.number("leaf_width").value_or(0);
  const auto dropout = static_cast<float>(recipe.task.dropout);
  if (model == "ff") {
    return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = inputs,
                                                                    .width = width,
                                                                    .outputs = outputs,
                                                                    .activation = recipe.task.activation,
                                                                    .dropout = dropout});
  }
  if (model == "moe") {
    return std::make_unique<nn::MoE>(nn::MoEOptions{.inputs = inputs,
                                                    .outputs = outputs,
                                                    .experts = width / leaf_width,
                                                    .expert_width = leaf_width,
                                                    .k = experts_per_sample,
                                                    .activation = recipe.task.activation});
  }
  return std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = inputs,
                                                  .outputs = outputs,
                                                  .depth = static_cast<int>(cell.number("depth").value()),
                                                  .leaf_width = leaf_width,
                                                  .activation = recipe.task.activation,
                                                  .dropout = dropout,
                                                  .region_leak = static_cast<float>(recipe.task.region_leak),
                                                  .master_leaf_width = model == "master-leaf" ? master_leaf_width : 0,
                                                  .master_mix = recipe.task.master_mix});
}

namespace {

Settings settings_of(const ClassifierExperiment& experiment) {
  std::vector<Settings::Entry> entries = experiment.grid;
  for (auto& [key, setting] : entries) setting.range = key == "depth" ? depths : widths;
  entries.insert(entries.end(), {{"recipe", Texts(experiment.default_recipes)},
                                 {"epochs", within(count_from_1, experiment.epochs)},
                                 {"patience", within(count_from_0, std::int64_t{0})}});
  append_settings<Recipe>(entries);
  return Settings(std::move(entries));
}

std::vector<Cell> cells_of(const ClassifierExperiment& experiment, const Settings& settings) {
  settings.check();
  for (const std::string& name : settings.get<Texts>("recipe")) find_recipe(experiment.recipes, name, "", settings);
  ClassifierCells cells(settings);
  experiment.add_cells(settings, cells);
  return cells.all();
}

Result train(const ClassifierExperiment& experiment, const CellContext& context) {
  const std::string& dataset = context.cell.text("dataset");
  const Recipe recipe = find_recipe(experiment.recipes, context.cell.text("recipe"), dataset, context.settings);
  write_recipe(context.folder, recipe);
  return train_classifier(context, {.dataset = dataset,
                                    .recipe = recipe,
                                    .epochs = context.settings.get<std::int64_t>("epochs"),
                                    .patience = context.settings.get<std::int64_t>("patience"),
                                    .entropies_every = experiment.entropies_every,
                                    .model = [&](std::int64_t inputs, std::int64_t outputs) {
                                      return make_model(context.cell, recipe, inputs, outputs);
                                    }});
}

}  // namespace

Experiment make_experiment(ClassifierExperiment classifier) {
  const auto shared = std::make_shared<const ClassifierExperiment>(std::move(classifier));
  Experiment experiment{
      .name = shared->name,
      .paper = shared->paper,
      .artefact = shared->artefact,
      .settings = settings_of(*shared),
      .presets = shared->presets,
      .cells = [shared](const Settings& settings) { return cells_of(*shared, settings); },
      .run = [shared](const CellContext& context) { return train(*shared, context); },
      .measures = classification_measures(),
      .paper_numbers = shared->paper_numbers,
      .columns = shared->columns,
  };
  if (shared->entropies_every > 0) experiment.figures = entropy_figures;
  if (shared->timed) {
    experiment.timing = [shared](const TimingContext& context) { return time_classifiers(context, shared->recipes); };
  }
  return experiment;
}

}  // namespace canopy::training
