#include <canopy/experiments/training/classifier.hpp>

#include <cmath>
#include <optional>

#include <canopy/canopy.hpp>
#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/training/cell_training.hpp>
#include <canopy/experiments/training/classified_data.hpp>
#include <canopy/experiments/training/node_entropies.hpp>
#include <canopy/experiments/training/supervised_task.hpp>

namespace canopy::training {
namespace {

using harness::CellContext;
using harness::Numbers;
using harness::Result;

struct Data {
  ClassificationDataset train, validation, test;
};

Data load_data(const ClassifierOptions& options, const std::filesystem::path& root) {
  const datasets::Options input{.input = options.recipe.task.input, .root = root};
  const ClassificationDataset all = datasets::load(options.dataset, Split::train, input);
  const ClassificationDataset test = datasets::load(options.dataset, Split::test, input);
  if (options.recipe.task.selection == Selection::test) return {all, test, test};
  auto [train, validation] = hold_out_a_tenth(all);
  return {std::move(train), std::move(validation), test};
}

class ClassifierTask final : public SupervisedTask<ClassificationDataset> {
 public:
  ClassifierTask(const CellContext& context, const ClassifierOptions& options, Data data,
                 std::unique_ptr<nn::Layer> model)
      : SupervisedTask(std::move(model), data.train, mean_cross_entropy, options.recipe.optimisation,
                       options.recipe.routing),
        data_(std::move(data)),
        every_(options.entropies_every),
        has_trees_(!nn::soft_trees(this->model()).empty()) {
    if (every_ > 0 && has_trees_) entropies_.emplace(context.folder / "entropies.csv", "step", every_);
  }

  std::vector<Score> evaluate() override {
    train_score_ = evaluate_classifier(model(), data_.train);
    validation_score_ = evaluate_classifier(model(), data_.validation);
    return {{"train_accuracy", train_score_.accuracy},
            {"validation_accuracy", validation_score_.accuracy},
            {"leaves_used", static_cast<double>(validation_score_.leaves_used)},
            {"maximum_leaf_load", validation_score_.maximum_leaf_load},
            {"entropy", mean_node_entropy(model(), data_.validation)}};
  }

  void selected() override {
    const ClassifierScore test = evaluate_classifier(model(), data_.test);
    selected_["validation_accuracy"] = validation_score_.accuracy;
    selected_["train_accuracy"] = train_score_.accuracy;
    selected_["g_a"] = test.accuracy;
    selected_["g_a_ett"] = static_cast<double>(progress().batches / batches() + 1);
    if (test.routing.empty()) return;  // a feedforward network
    selected_["leaves"] = static_cast<double>(test.leaves);
    selected_["leaves_used"] = static_cast<double>(test.leaves_used);
    selected_["maximum_leaf_load"] = test.maximum_leaf_load;
    if (has_trees_) selected_["entropy"] = mean_node_entropy(model(), data_.test);
  }

  Safetensors export_model() override { return to_safetensors(model(), data_.train.metadata()); }
  std::map<std::string, double> state() const override { return selected_; }
  void load_state(const std::map<std::string, double>& state) override { selected_ = state; }

  Result result(const Trainer& trainer, const std::filesystem::path& checkpoint) const {
    const BestScore& memorised = trainer.best("train_accuracy");
    const BestScore& chosen = trainer.best("validation_accuracy");
    Result result;
    result.metrics = {{"epochs", trainer.epoch()}};
    const auto add = [&](const char* name, std::optional<double> value) {
      result.metrics[name] = value ? harness::Number(*value) : harness::Number();
    };
    const auto count = [&](const char* name) {
      const auto found = selected_.find(name);
      result.metrics[name] =
          found == selected_.end() ? harness::Number() : harness::Number(static_cast<std::int64_t>(found->second));
    };
    const auto of_selected = [&](const char* name) {
      const auto found = selected_.find(name);
      return found == selected_.end() ? std::nullopt : std::optional(found->second);
    };
    const Soft soft = chosen.evaluation >= 0 && has_trees_ ? score_soft(checkpoint) : Soft{};
    const bool evaluated = memorised.evaluation >= 0;
    add("m_a", evaluated ? std::optional(memorised.value) : std::nullopt);
    add("m_a_ett", evaluated ? std::optional(static_cast<double>(memorised.evaluation + 1)) : std::nullopt);
    add("g_a", of_selected("g_a"));
    add("g_a_ett", of_selected("g_a_ett"));
    add("validation_accuracy", of_selected("validation_accuracy"));
    add("train_accuracy", of_selected("train_accuracy"));
    add("train_accuracy_soft", soft.train);
    add("g_a_soft", soft.test);
    add("mix", soft.mix);
    count("leaves");
    count("leaves_used");
    add("maximum_leaf_load", of_selected("maximum_leaf_load"));
    add("entropy", of_selected("entropy"));
    return result;
  }

 private:
  void observe(const nn::RoutingTrace& trace) override {
    if (entropies_ && progress().batches % every_ == 0) {
      entropies_->append(progress().batches, entropies_by_level(trace));
    }
  }

  // What the selected trees would answer as the mixtures of their leaves.
  struct Soft {
    std::optional<double> train = {}, test = {};
    std::optional<double> mix = {};  // k of a master leaf
  };
  Soft score_soft(const std::filesystem::path& checkpoint) const {
    const LoadedModel selected = load_model(checkpoint);
    const auto score = [&](const ClassificationDataset& dataset) {
      return evaluate_classifier(*selected.model, dataset.as_saved(), ClassifierScorer::Inference::soft).accuracy;
    };
    Soft soft{.train = score(data_.train), .test = score(data_.test)};
    const nn::StateDict state = selected.model->state_dict();
    if (const auto share = state.find("master_mix_logit"); share != state.end()) {
      soft.mix = 1 / (1 + std::exp(-static_cast<double>(share->second.item())));
    }
    return soft;
  }

  Data data_;
  std::int64_t every_;
  bool has_trees_;
  std::optional<harness::MetricsFile> entropies_;
  ClassifierScore train_score_, validation_score_;  // of the last evaluation
  std::map<std::string, double> selected_;          // of the epoch that was selected
};

}  // namespace

Result train_classifier(const CellContext& context, const ClassifierOptions& options) {
  manual_seed(static_cast<std::uint64_t>(context.seed));
  Data data = load_data(options, context.data);
  auto model = options.model(data.train.features(), data.train.classes());
  ClassifierTask task(context, options, std::move(data), std::move(model));
  const TrainedCell trained = train_cell(context, task, {.name = "train_accuracy"},
                                         {.epochs = options.epochs,
                                          .select = "validation_accuracy",
                                          .watch = {{.name = "train_accuracy"}},
                                          .patience = options.patience,
                                          .keep_best = options.recipe.routing.balance_phase > 0});
  save(task.model(), context.folder / "last.safetensors", task.train().metadata());
  Result result = task.result(*trained.trainer, context.checkpoint());
  result.status = trained.status();
  return result;
}

}  // namespace canopy::training
