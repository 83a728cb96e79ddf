#include <canopy/experiments/fff/vit_training.hpp>

#include <map>
#include <numeric>
#include <optional>

#include <canopy/canopy.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/augmented_images.hpp>
#include <canopy/experiments/fff/vit_model.hpp>
#include <canopy/experiments/fff/vit_recipe.hpp>
#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/training/cell_training.hpp>
#include <canopy/experiments/training/classified_data.hpp>
#include <canopy/experiments/training/layer_use.hpp>
#include <canopy/experiments/training/node_entropies.hpp>
#include <canopy/experiments/training/supervised_task.hpp>

namespace canopy::fff {

using namespace harness;

namespace {

constexpr std::int64_t steps_between_entropies = 20;
constexpr std::int64_t images_for_trees = 1024;  // of some 60 rows each

struct Data {
  ImageDataset train, validation;
};

Data load_data(const CellContext& context) {
  ImageDataset all = load_vit_images(context.cell.text("dataset"), Split::train, context.data);
  if (const auto count = context.settings.get<std::int64_t>("images"); count > 0 && count < all.size()) {
    all = all.split(static_cast<double>(count) / static_cast<double>(all.size())).first;
  }
  auto [train, validation] = training::hold_out_a_tenth(all);
  return {std::move(train), std::move(validation)};
}

class VitTask final : public training::SupervisedTask<AugmentedImages> {
 public:
  VitTask(const CellContext& context, const Data& data, const VitRecipe& recipe, std::unique_ptr<nn::Layer> model)
      : SupervisedTask(std::move(model), AugmentedImages(data.train, recipe.augmentation), training::mean_cross_entropy,
                       recipe.optimisation, recipe.routing, images_for_trees),
        validation_(data.validation) {
    if (!nn::soft_trees(this->model()).empty()) {
      entropies_.emplace(context.folder / "entropies.csv", "step", steps_between_entropies);
    }
  }

  std::vector<training::Score> evaluate() override {
    const ClassifierScore score = evaluate_classifier(model(), validation_);
    return {{"validation_accuracy", score.accuracy},
            {"leaves_used", static_cast<double>(score.leaves_used)},
            {"maximum_leaf_load", score.maximum_leaf_load}};
  }

  Safetensors export_model() override { return to_safetensors(model(), validation_.metadata()); }

 protected:
  std::int64_t batches_ahead() const override { return 2; }

 private:
  void observe(const nn::RoutingTrace& trace) override {
    if (entropies_ && progress().batches % steps_between_entropies == 0) {
      entropies_->append(progress().batches, training::entropies_by_layer(trace));
    }
  }

  ImageDataset validation_;
  std::optional<MetricsFile> entropies_;
};

// Of each routed layer: its leaves, those that are used, its largest load in percent, the mean entropy of its nodes.
Json layers_json(const ClassifierScore& score, const std::vector<std::pair<std::string, double>>& entropies) {
  const std::map<std::string, double> by_name(entropies.begin(), entropies.end());
  Json layers = Json::array();
  for (const nn::RoutingLoad& load : score.routing) {
    Json layer = training::layer_use(load);
    layer["entropy"] = by_name.at(load.layer);
    layers.push_back(std::move(layer));
  }
  return layers;
}

// What the selected model reaches on the test set.
void add_test_scores(const CellContext& context, Numbers& metrics) {
  const LoadedModel selected = load_model(context.checkpoint());
  const nn::Layer& model = *selected.model;
  const ImageDataset test = load_vit_images(context.cell.text("dataset"), Split::test, context.data);
  const ClassifierScore hard = evaluate_classifier(model, test);
  metrics["g_a"] = hard.accuracy;
  if (hard.routing.empty()) return;
  metrics["g_a_soft"] = evaluate_classifier(model, test, ClassifierScorer::Inference::soft).accuracy;
  metrics["leaves"] = hard.leaves;
  metrics["leaves_used"] = hard.leaves_used;
  metrics["maximum_leaf_load"] = hard.maximum_leaf_load;
  const auto entropies = training::mean_entropy_of_trees(model, test);
  const double sum = std::accumulate(entropies.begin(), entropies.end(), 0.,
                                     [](double all, const auto& of_layer) { return all + of_layer.second; });
  metrics["entropy"] = sum / static_cast<double>(entropies.size());
  write_file(context.folder / "layers.json", to_text(layers_json(hard, entropies), 2) + "\n");
}

}  // namespace

ImageDataset load_vit_images(const std::string& name, Split split, const std::filesystem::path& root) {
  return datasets::load_images(name, split, {.input = Input::symmetric, .root = root});
}

Result train_vit(const CellContext& context) {
  const VitRecipe recipe = find_vit_recipe(context.cell.text("recipe"), context.settings);
  write_recipe(context.folder, recipe);
  manual_seed(static_cast<std::uint64_t>(context.seed));
  const Data data = load_data(context);
  VitTask task(
      context, data, recipe,
      make_vit(context.cell, context.settings, recipe.input_dropout, data.train.image_shape(), data.train.classes()));
  // "Halved on plateaus of the validation accuracy."
  const training::WatchedScore watched{.name = "validation_accuracy"};
  const training::TrainedCell trained =
      training::train_cell(context, task, watched,
                           {.epochs = context.settings.get<std::int64_t>("epochs"),
                            .select = watched.name,
                            .patience = context.settings.get<std::int64_t>("patience"),
                            .keep_best = recipe.routing.balance_phase > 0});
  const training::BestScore& best = trained.trainer->best(watched.name);
  Result result;
  result.status = trained.status();
  result.metrics = {{"epochs", trained.trainer->epoch()},
                    {"g_a", {}},
                    {"g_a_ett", {}},
                    {"validation_accuracy", {}},
                    {"g_a_soft", {}},
                    {"leaves", {}},
                    {"leaves_used", {}},
                    {"maximum_leaf_load", {}},
                    {"entropy", {}}};
  if (best.evaluation < 0) return result;
  result.metrics["g_a_ett"] = best.evaluation + 1;
  result.metrics["validation_accuracy"] = best.value;
  add_test_scores(context, result.metrics);
  return result;
}

}  // namespace canopy::fff
