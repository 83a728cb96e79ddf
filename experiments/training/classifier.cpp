#include <canopy/experiments/training/classifier.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include <canopy/canopy.hpp>
#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/training/learning_rate.hpp>
#include <canopy/experiments/training/objective.hpp>
#include <canopy/experiments/training/optimizer.hpp>

#include <fmt/format.h>

namespace canopy::training {
namespace {

using harness::CellContext;
using harness::Json;
using harness::Result;

// The best epoch so far by one criterion.
struct Best {
  double score = -1;
  std::int64_t epoch = -1;
  bool update(double candidate, std::int64_t at) {
    if (!(candidate > score)) return false;
    score = candidate;
    epoch = at;
    return true;
  }
};

struct Data {
  ClassificationDataset train, validation, test;
};

Data load_data(const ClassifierTask& task, const CellContext& context) {
  const datasets::Options options{.input = task.recipe.input, .root = context.data};
  const ClassificationDataset all = datasets::load(task.dataset, Split::train, options);
  const ClassificationDataset test = datasets::load(task.dataset, Split::test, options);
  if (task.recipe.selection == Selection::test) return {all, test, test};
  auto [train, validation] = all.split(0.9);
  return {std::move(train), std::move(validation), test};
}

Tensor sample_of(const ClassificationDataset& dataset, std::int64_t count) {
  count = std::min(count, dataset.size());
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = i * dataset.size() / count;
  return dataset.batch(indices).first;
}

// One training run: what it holds between epochs is what its checkpoint stores.
class Training {
 public:
  Training(const CellContext& context, const ClassifierTask& task) : context_(context), task_(task) {
    manual_seed(static_cast<std::uint64_t>(context.seed));
    data_ = load_data(task, context);
    model_ = task.model(data_->train.features(), data_->train.classes());
    if (task.recipe.tree_initialisation) nn::initialise_trees(*model_, sample_of(data_->train, 8192));
    objective_.emplace(*model_, task.recipe);
    usage_.emplace(*model_, nn::Usage::soft);
    optimizer_ = make_optimizer(task.recipe, *model_, *usage_);
    batches_ = (data_->train.size() + task.recipe.batch_size - 1) / task.recipe.batch_size;
    rate_.emplace(LearningRate::Options{.schedule = task.recipe.schedule,
                                        .rate = task.recipe.learning_rate,
                                        .steps = task.epochs * batches_,
                                        .plateau = task.recipe.plateau});
    if (task.entropies_every > 0 && has_trees()) {
      entropies_.emplace(context.folder / "entropies.csv", "step", task.entropies_every);
    }
    if (std::filesystem::exists(context.checkpoint())) resume();
  }

  Result run() {
    while (!finished()) {
      if (epoch_ > 0 && in_balance_phase(epoch_ - 1) && !in_balance_phase(epoch_)) start_second_phase();
      const double loss = train_epoch();
      if (!std::isfinite(loss)) {
        result_.status = "diverged";
        break;
      }
      evaluate(loss);
      ++epoch_;
      const bool stop = !finished() && context_.stop_requested();
      if (finished() || stop || saving_is_due()) save_state();
      if (stop) throw harness::Interrupted();
    }
    result_.metrics["epochs"] = epoch_;
    if (memorised_.epoch >= 0) {
      result_.metrics["m_a"] = memorised_.score;
      result_.metrics["m_a_ett"] = static_cast<double>(memorised_.epoch + 1);
    }
    if (selected_.epoch >= 0) {
      save_state();
      score_selected();
    }
    save(*model_, context_.folder / "last.safetensors", data_->train.metadata());
    return result_;
  }

 private:
  bool finished() const {
    if (epoch_ >= task_.epochs) return true;
    return task_.patience > 0 && epoch_ - std::max(memorised_.epoch, selected_.epoch) > task_.patience;
  }

  double progress(std::int64_t epoch) const { return static_cast<double>(epoch) / static_cast<double>(task_.epochs); }

  bool in_balance_phase(std::int64_t epoch) const { return progress(epoch) < task_.recipe.balance_phase; }

  void start_second_phase() {
    model_->load_state_dict(phase_best_);
    optimizer_->load_state({});  // as if it had never stepped
    rate_->restart();
    selected_ = {};
  }

  // The mean loss over the epoch; stops at the first batch whose loss is not finite.
  double train_epoch() {
    objective_->start_epoch(progress(epoch_));
    model_->train();
    const DataLoader loader(data_->train, {.batch_size = task_.recipe.batch_size, .shuffle = true});
    double total = 0;
    std::int64_t step = epoch_ * batches_;
    for (const auto& [images, labels] : loader) {
      Tape tape;
      const nn::RoutingTrace trace;
      const Variable logits = model_->forward(images);
      const Variable loss = objective_->loss(logits, labels, trace);
      if (!std::isfinite(loss.value().item())) return loss.value().item();
      total += loss.value().item();
      if (entropies_ && step % task_.entropies_every == 0) record_entropies(step, trace);
      if (task_.recipe.local_batch > 0) usage_->add(trace);
      tape.backward(loss);
      optimizer_->set_learning_rate(rate_->at(step++));
      optimizer_->step();
      optimizer_->zero_grad();
    }
    return total / static_cast<double>(loader.size());
  }

  void evaluate(double loss) {
    model_->eval();
    const ClassifierScore train = evaluate_classifier(*model_, data_->train);
    const ClassifierScore validation = evaluate_classifier(*model_, data_->validation);
    memorised_.update(train.accuracy, epoch_);
    const bool improved = selected_.update(validation.accuracy, epoch_);
    if (improved) select(train, validation);
    if (rate_->epoch(train.accuracy, selected_.score, improved)) optimizer_->load_state({});
    harness::MetricsRow row{.number = epoch_, .planned = task_.epochs};
    row.columns = {{"loss", loss},
                   {"train_accuracy", train.accuracy},
                   {"validation_accuracy", validation.accuracy},
                   {"leaves_used", static_cast<double>(validation.leaves_used)},
                   {"maximum_leaf_load", validation.maximum_leaf_load},
                   {"entropy", has_trees() ? entropy(data_->validation) : 0}};
    context_.report(row);
  }

  // This epoch's model is the best so far.
  void select(const ClassifierScore& train, const ClassifierScore& validation) {
    const ClassifierScore test = evaluate_classifier(*model_, data_->test);
    best_ = to_safetensors(*model_, data_->train.metadata());
    if (in_balance_phase(epoch_)) phase_best_ = model_->state_dict();
    result_.metrics["validation_accuracy"] = validation.accuracy;
    result_.metrics["train_accuracy"] = train.accuracy;
    result_.metrics["g_a"] = test.accuracy;
    result_.metrics["g_a_ett"] = static_cast<double>(epoch_ + 1);
    if (test.routing.empty()) return;  // a feedforward network
    result_.metrics["leaves"] = test.leaves;
    result_.metrics["leaves_used"] = test.leaves_used;
    result_.metrics["maximum_leaf_load"] = test.maximum_leaf_load;
    if (has_trees()) result_.metrics["entropy"] = entropy(data_->test);
  }

  // What the selected tree would answer as the mixture of its leaves.
  void score_selected() {
    if (!has_trees()) return;
    const LoadedModel selected = load_model(context_.checkpoint());
    const auto soft = [&](const ClassificationDataset& dataset) {
      return evaluate_classifier(*selected.model, dataset.as_saved(), ClassifierScorer::Inference::soft).accuracy;
    };
    result_.metrics["train_accuracy_soft"] = soft(data_->train);
    result_.metrics["g_a_soft"] = soft(data_->test);
    if (const auto share = best_.tensors.find("master_mix_logit"); share != best_.tensors.end()) {
      result_.metrics["mix"] = 1 / (1 + std::exp(-static_cast<double>(share->second.item())));
    }
  }

  bool has_trees() const { return !nn::soft_trees(*model_).empty(); }

  // The mean over inputs and nodes of the decisions' entropy, in nats.
  double entropy(const ClassificationDataset& dataset) const {
    const NoRecord pause;
    double sum = 0, count = 0;
    for (const auto& [images, labels] : DataLoader(dataset, {.batch_size = 1024})) {
      const nn::RoutingTrace trace({.details = true});
      model_->forward(images);
      for (const nn::RoutingDecision& decision : trace.decisions()) {
        const auto* tree = std::get_if<nn::TreeDecisions>(&decision.how);
        if (tree == nullptr) continue;
        const Tensor entropies = nn::node_entropies(*tree);  // the mean over these images
        for (const float v : entropies.elements()) sum += v * static_cast<double>(labels.size());
        count += static_cast<double>(entropies.size() * labels.size());
      }
    }
    return count == 0 ? 0 : sum / count;
  }

  // Of the batch that the model has just seen: the mean of each level's nodes, then each node's, in heap order.
  void record_entropies(std::int64_t step, const nn::RoutingTrace& trace) {
    const auto& tree = std::get<nn::TreeDecisions>(trace.decisions().front().how);
    const Tensor entropies = nn::node_entropies(tree);
    std::vector<std::pair<std::string, double>> levels, nodes;
    for (std::int64_t level = 0, first = 0; level < tree.depth; first = 2 * first + 1, ++level) {
      double sum = 0;
      for (std::int64_t node = first; node < 2 * first + 1; ++node) {
        sum += entropies.data()[node];
        nodes.emplace_back(fmt::format("entropy_node_{}", node), entropies.data()[node]);
      }
      levels.emplace_back(fmt::format("entropy_level_{}", level), sum / static_cast<double>(first + 1));
    }
    levels.insert(levels.end(), nodes.begin(), nodes.end());
    entropies_->append(step, levels);
  }

  // At most a tenth of the time goes into saving.
  bool saving_is_due() const { return Clock::now() - saved_ >= 9 * saving_; }

  void save_state() {
    const auto begin = Clock::now();
    TrainingCheckpoint checkpoint{.selected = best_};
    checkpoint.parts["model"].tensors = model_->state_dict();
    checkpoint.parts["optimizer"] = optimizer_->state();
    checkpoint.parts["rate"] = rate_->state();
    if (epoch_ > 0 && in_balance_phase(epoch_ - 1)) checkpoint.parts["phase-best"].tensors = phase_best_;
    const Json progress = {{"epoch", epoch_},
                           {"memorised", {memorised_.score, memorised_.epoch}},
                           {"selected", {selected_.score, selected_.epoch}},
                           {"result", harness::to_json(result_)}};
    checkpoint.texts["progress"] = progress.dump();
    write_training_checkpoint(context_.checkpoint(), checkpoint);
    saved_ = Clock::now();
    saving_ = saved_ - begin;
  }

  void resume() {
    TrainingCheckpoint checkpoint = read_training_checkpoint(context_.checkpoint());
    model_->load_state_dict(checkpoint.parts["model"].tensors);
    optimizer_->load_state(checkpoint.parts["optimizer"]);
    rate_->load_state(checkpoint.parts["rate"]);
    phase_best_ = std::move(checkpoint.parts["phase-best"].tensors);
    best_ = std::move(checkpoint.selected);
    const std::string file = context_.checkpoint().string();
    try {
      const Json progress = Json::parse(checkpoint.texts["progress"]);
      epoch_ = progress.at("epoch").get<std::int64_t>();
      memorised_ = {progress.at("memorised").at(0), progress.at("memorised").at(1)};
      selected_ = {progress.at("selected").at(0), progress.at("selected").at(1)};
      result_ = harness::result_from_json(progress.at("result"), context_.cell.labels, file);
    } catch (const Json::exception& error) {
      throw CheckpointError(fmt::format("{}: the training state cannot be read: {}", file, error.what()));
    }
  }

  using Clock = std::chrono::steady_clock;

  const CellContext& context_;
  const ClassifierTask& task_;
  std::optional<Data> data_;
  std::unique_ptr<nn::Layer> model_;
  std::optional<Objective> objective_;
  std::optional<nn::RoutingUsage> usage_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::optional<LearningRate> rate_;
  std::optional<harness::MetricsFile> entropies_;
  std::int64_t batches_ = 0;  // of an epoch
  std::int64_t epoch_ = 0;    // finished ones
  Best memorised_;            // by hard training accuracy
  Best selected_;             // by hard validation accuracy, in this phase
  Safetensors best_;          // of that epoch
  nn::StateDict phase_best_;  // the same as trained, in the first of two phases
  Result result_;
  Clock::time_point saved_ = {};
  Clock::duration saving_ = {};
};

}  // namespace

Result train_classifier(const CellContext& context, const ClassifierTask& task) {
  return Training(context, task).run();
}

}  // namespace canopy::training
