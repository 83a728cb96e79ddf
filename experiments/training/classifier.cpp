#include <canopy/experiments/training/classifier.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include <canopy/canopy.hpp>
#include <canopy/core/safetensors.hpp>

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
  ImageDataset train, validation, test;
};

Data load_data(const ClassifierTask& task, const CellContext& context) {
  const datasets::Options options{.input = task.recipe.input, .root = context.data};
  auto [train, validation] = datasets::load(task.dataset, Split::train, options).split(0.9);
  return {std::move(train), std::move(validation), datasets::load(task.dataset, Split::test, options)};
}

std::unique_ptr<optim::Optimizer> make_optimizer(const Recipe& r, std::vector<Variable> parameters) {
  if (r.optimizer == "adam") {
    return std::make_unique<optim::Adam>(
        std::move(parameters), optim::AdamOptions{.learning_rate = r.learning_rate, .weight_decay = r.weight_decay});
  }
  if (r.optimizer == "adamw") {
    return std::make_unique<optim::AdamW>(
        std::move(parameters), optim::AdamWOptions{.learning_rate = r.learning_rate, .weight_decay = r.weight_decay});
  }
  return std::make_unique<optim::SGD>(
      std::move(parameters),
      optim::SGDOptions{.learning_rate = r.learning_rate, .momentum = r.momentum, .weight_decay = r.weight_decay});
}

// One training run: what it holds between epochs is what its checkpoint stores.
class Training {
 public:
  Training(const CellContext& context, const ClassifierTask& task) : context_(context), task_(task) {
    manual_seed(static_cast<std::uint64_t>(context.seed));
    data_ = load_data(task, context);
    model_ = task.model(data_->train.features(), data_->train.classes());
    fff_ = dynamic_cast<nn::FFF*>(model_.get());
    if (fff_ != nullptr && task.recipe.tree_initialisation) {
      nn::initialise_tree(*fff_, sample_of(data_->train, 8192));
    }
    if (fff_ != nullptr && std::isinf(task.recipe.hardening)) fff_->freeze_tree();
    optimizer_ = make_optimizer(task.recipe, model_->parameters());
    const std::int64_t batches = (data_->train.size() + task.recipe.batch_size - 1) / task.recipe.batch_size;
    if (task.recipe.schedule == "cosine") schedule_.emplace(*optimizer_, task.epochs * batches);
    if (std::filesystem::exists(context.checkpoint())) resume();
  }

  Result run() {
    while (!finished()) {
      const double loss = train_epoch();
      if (!std::isfinite(loss)) {
        result_.status = "diverged";
        break;
      }
      evaluate(loss);
      ++epoch_;
      save_state();
      if (!finished() && context_.stop_requested()) throw harness::Interrupted();
    }
    result_.epochs = epoch_;
    if (memorised_.epoch >= 0) {
      result_.m_a = memorised_.score;
      result_.m_a_ett = static_cast<double>(memorised_.epoch + 1);
    }
    return result_;
  }

 private:
  bool finished() const {
    if (epoch_ >= task_.epochs) return true;
    return task_.patience > 0 && epoch_ - std::max(memorised_.epoch, validated_.epoch) > task_.patience;
  }

  static Tensor sample_of(const ImageDataset& dataset, std::int64_t count) {
    count = std::min(count, dataset.size());
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = i * dataset.size() / count;
    return dataset.batch(indices).first;
  }

  double progress() const { return static_cast<double>(epoch_) / static_cast<double>(task_.epochs); }

  // The mean loss over the epoch; stops at the first batch whose loss is not finite.
  double train_epoch() {
    const Recipe& recipe = task_.recipe;
    model_->train();
    if (fff_ != nullptr && !std::isinf(recipe.hardening)) {
      fff_->set_routing(progress() >= recipe.straight_through_from ? Routing::straight_through : Routing::soft);
    }
    const DataLoader loader(data_->train, {.batch_size = recipe.batch_size, .shuffle = true});
    double total = 0;
    for (const auto& [images, labels] : loader) {
      Tape tape;
      const Variable loss = loss_of(model_->forward(images), labels);
      if (!std::isfinite(loss.value().item())) return loss.value().item();
      total += loss.value().item();
      tape.backward(loss);
      optimizer_->step();
      optimizer_->zero_grad();
      if (schedule_) schedule_->step();
    }
    return total / static_cast<double>(loader.size());
  }

  Variable loss_of(const Variable& logits, const Indices& labels) const {
    const Recipe& recipe = task_.recipe;
    Variable loss = cross_entropy(logits, labels);
    if (fff_ == nullptr || fff_->nodes() == 0) return loss;
    if (recipe.hardening > 0 && !std::isinf(recipe.hardening) && progress() >= recipe.hardening_from) {
      loss = loss + static_cast<float>(recipe.hardening) *
                        nn::hardening_loss(*fff_, {.weighting = recipe.hardening_weighting});
    }
    if (recipe.balance > 0) loss = loss + static_cast<float>(recipe.balance) * nn::load_balance_loss(*fff_);
    return loss;
  }

  void evaluate(double loss) {
    model_->eval();
    const ClassifierScore train = evaluate_classifier(*model_, data_->train);
    const ClassifierScore validation = evaluate_classifier(*model_, data_->validation);
    memorised_.update(train.accuracy, epoch_);
    if (validated_.update(validation.accuracy, epoch_)) {
      const ClassifierScore test = evaluate_classifier(*model_, data_->test);
      best_ = classifier_state(*model_, data_->train.metadata());
      result_.g_a = test.accuracy;
      result_.g_a_ett = static_cast<double>(epoch_ + 1);
      if (fff_ != nullptr) {
        result_.leaves = test.leaves;
        result_.leaves_used = test.leaves_used;
        result_.maximum_leaf_load = test.maximum_leaf_load;
        result_.entropy = entropy(data_->test);
      }
    }
    harness::Epoch row{.epoch = epoch_, .epochs = task_.epochs, .columns = {}, .score = validation.accuracy};
    row.columns = {{"loss", loss},
                   {"train_accuracy", train.accuracy},
                   {"validation_accuracy", validation.accuracy},
                   {"leaves_used", static_cast<double>(validation.leaves_used)},
                   {"maximum_leaf_load", validation.maximum_leaf_load},
                   {"entropy", fff_ == nullptr ? 0 : entropy(data_->validation)}};
    context_.report(row);
  }

  // The mean over inputs and nodes of the decisions' entropy, in nats.
  double entropy(const ImageDataset& dataset) const {
    if (fff_->nodes() == 0) return 0;
    double sum = 0;
    for (const auto& [images, labels] : DataLoader(dataset, {.batch_size = 1024})) {
      const Tensor entropies = nn::node_entropies(*fff_, images);  // the mean over these images
      for (const float v : entropies.elements()) sum += v * static_cast<double>(labels.size());
    }
    return sum / static_cast<double>(dataset.size() * fff_->nodes());
  }

  static std::string key(const char* part, const std::string& name) {
    return fmt::format("training.{}.{}", part, name);
  }

  void save_state() const {
    Safetensors file{.metadata = best_.metadata, .tensors = best_.tensors, .indices = {}};
    for (const auto& [name, value] : model_->state_dict()) file.tensors[key("model", name)] = value;
    for (const auto& [name, value] : optimizer_->state()) file.tensors[key("optimizer", name)] = value;
    if (schedule_) {
      for (const auto& [name, value] : schedule_->state()) file.tensors[key("schedule", name)] = value;
    }
    Json training = {{"epoch", epoch_},
                     {"seed", current_seed()},
                     {"random", random_positions()},
                     {"memorised", {memorised_.score, memorised_.epoch}},
                     {"validated", {validated_.score, validated_.epoch}},
                     {"result", harness::to_json(result_)}};
    file.metadata["training"] = training.dump();
    write_safetensors(context_.checkpoint(), file);
  }

  void resume() {
    Safetensors file = read_safetensors(context_.checkpoint());
    std::map<std::string, nn::StateDict> parts;
    for (const auto& [name, value] : file.tensors) {
      const std::string_view prefix = "training.";
      if (!name.starts_with(prefix)) {
        best_.tensors.emplace(name, value);
        continue;
      }
      const std::size_t dot = name.find('.', prefix.size());
      parts[name.substr(prefix.size(), dot - prefix.size())].emplace(name.substr(dot + 1), value);
    }
    model_->load_state_dict(parts["model"]);
    optimizer_->load_state(parts["optimizer"]);
    if (schedule_) schedule_->load_state(parts["schedule"]);
    try {
      const Json training = Json::parse(file.metadata.at("training"));
      epoch_ = training.at("epoch").get<std::int64_t>();
      memorised_ = {training.at("memorised").at(0), training.at("memorised").at(1)};
      validated_ = {training.at("validated").at(0), training.at("validated").at(1)};
      result_ = harness::result_from_json(training.at("result"), context_.checkpoint().string());
      restore_random(training.at("seed"), training.at("random").get<std::map<std::string, std::uint64_t>>());
    } catch (const std::exception& error) {
      throw CheckpointError(
          fmt::format("{}: the training state cannot be read: {}", context_.checkpoint().string(), error.what()));
    }
    file.metadata.erase("training");
    best_.metadata = std::move(file.metadata);
  }

  const CellContext& context_;
  const ClassifierTask& task_;
  std::optional<Data> data_;
  std::unique_ptr<nn::Layer> model_;
  nn::FFF* fff_ = nullptr;  // the model, where it is one
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::optional<optim::CosineDecay> schedule_;
  std::int64_t epoch_ = 0;  // finished ones
  Best memorised_;          // by hard training accuracy
  Best validated_;          // by hard validation accuracy
  ClassifierState best_;    // of that epoch
  Result result_;
};

}  // namespace

Result train_classifier(const CellContext& context, const ClassifierTask& task) {
  return Training(context, task).run();
}

}  // namespace canopy::training
