#include <canopy/experiments/language/pretraining/pretraining.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <canopy/autograd/softmax.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/random.hpp>
#include <canopy/experiments/language/pretraining/masked_token_score.hpp>
#include <canopy/experiments/language/pretraining/pretraining_model.hpp>
#include <canopy/experiments/training/cell_training.hpp>
#include <canopy/experiments/training/dataset_task.hpp>
#include <canopy/experiments/training/layer_use.hpp>

#include <fmt/format.h>

namespace canopy::language {

using namespace harness;

namespace {

// The held-out sequences with what is to be guessed in them.
struct HeldOut {
  MaskedText text;
  std::int64_t sequences, batch;

  MaskedTokenScore score(const nn::CrammedBert& model) const {
    return evaluate_masked_tokens(model, text, sequences, batch);
  }
};

class PretrainingTask final : public training::DatasetTask<MaskedText> {
 public:
  PretrainingTask(std::unique_ptr<nn::CrammedBert> model, MaskedText train, const PretrainingRecipe& recipe,
                  HeldOut held_out)
      : DatasetTask(std::move(model), std::move(train), recipe.optimisation, recipe.routing),
        held_out_(std::move(held_out)) {}

  // It was given as one.
  nn::CrammedBert& model() override { return static_cast<nn::CrammedBert&>(RoutedTask::model()); }

  training::Amounts amounts(std::int64_t seen) const override {
    return {{"tokens", samples(seen) * train().sequences().length()}};
  }

  // A pass may be the whole training: what changes in its course does so with every batch.
  void set_progress(const training::Progress& progress) override {
    RoutedTask::set_progress({.now = progress.now, .pass = progress.now, .batches = progress.batches});
  }

  std::vector<training::Score> evaluate() override {
    const MaskedTokenScore score = held_out_.score(model());
    std::vector<training::Score> scores = {{"masked_accuracy", score.accuracy}, {"perplexity", score.perplexity()}};
    if (score.routing.empty()) return scores;
    scores.emplace_back("leaves_used", static_cast<double>(score.least_leaves_used()));
    scores.emplace_back("maximum_leaf_load", nn::maximum_load(score.routing));
    return scores;
  }

  Safetensors export_model() override { return nn::to_safetensors(model()); }

 protected:
  Variable loss_of(const Batch& batch) override {
    const auto& [ids, targets] = batch;
    return cross_entropy(model().predict(nn::Tokens::padded(ids), targets.positions), targets.labels);
  }

 private:
  HeldOut held_out_;
};

void add_scores(const CellContext& context, const MaskedTokenScore& score, Numbers& metrics) {
  metrics["loss"] = score.loss;
  metrics["masked_accuracy"] = score.accuracy;
  metrics["perplexity"] = score.perplexity();
  if (score.routing.empty()) return;
  metrics["leaves"] = std::ssize(score.routing.front().branches);
  metrics["leaves_used"] = score.least_leaves_used();
  metrics["maximum_leaf_load"] = nn::maximum_load(score.routing);
  Json layers = Json::array();
  for (const nn::RoutingLoad& load : score.routing) layers.push_back(training::layer_use(load));
  write_file(context.folder / "layers.json", to_text(layers, 2) + "\n");
}

}  // namespace

PretrainingText pretraining_text(const Settings& settings) {
  return {.name = settings.get<std::string>("text"),
          .vocabulary = settings.get<std::int64_t>("vocabulary"),
          .sequence_length = settings.get<std::int64_t>("sequence_length")};
}

PretrainingPlan plan_pretraining(const PretrainingRecipe& recipe, const Settings& settings) {
  const auto in_batch = recipe.optimisation.batch_size * settings.get<std::int64_t>("sequence_length");
  const auto batches = [&](const char* setting) {
    const auto tokens = settings.get<std::int64_t>(setting);
    return std::max(tokens / in_batch + (tokens % in_batch > 0 ? 1 : 0), recipe.optimisation.accumulate);
  };
  PretrainingPlan plan{.batches = batches("tokens"), .evaluate_every = batches("evaluate_every")};
  plan.ramp = std::llround(recipe.batch_ramp * static_cast<double>(plan.batches));
  return plan;
}

Result pretrain_model(const CellContext& context) {
  const PretrainingRecipe recipe = find_pretraining_recipe(context.cell.text("recipe"), context.settings);
  write_recipe(context.folder, recipe);
  const PackedText text =
      prepare_text(pretraining_text(context.settings),
                   {.data = context.data, .say = context.say, .stop_requested = context.stop_requested});
  if (text.held_out().size() == 0) {
    throw DataError(
        fmt::format("{}: no held-out sequences to score models on", context.settings.get<std::string>("text")));
  }
  manual_seed(0);  // what is to be guessed of the held-out text
  const HeldOut held_out{.text = MaskedText(text.held_out(), {}),
                         .sequences = context.settings.get<std::int64_t>("evaluation_sequences"),
                         .batch = recipe.optimisation.batch_size};
  manual_seed(static_cast<std::uint64_t>(context.seed));
  nn::CrammedBertOptions options =
      pretraining_model(context.cell.text("model"), context.settings, text.training().vocabulary_size());
  options.padding = text.training().special().padding;
  PretrainingTask task(std::make_unique<nn::CrammedBert>(options), MaskedText(text.training(), recipe.masking), recipe,
                       held_out);
  const PretrainingPlan plan = plan_pretraining(recipe, context.settings);
  const training::TrainedCell trained =
      training::train_cell(context, task, {.name = "masked_accuracy"},
                           {.batches = plan.batches, .ramp = plan.ramp, .evaluate_every = plan.evaluate_every});
  Result result;
  result.status = trained.status();
  result.metrics = {{"tokens", task.amounts(trained.trainer->progress().batches).front().second}};
  if (trained.trainer->evaluations() == 0) return result;
  add_scores(context, held_out.score(*nn::load_crammed_bert(context.checkpoint())), result.metrics);
  return result;
}

}  // namespace canopy::language
