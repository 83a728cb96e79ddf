// A task whose batches are pairs of inputs and targets, for a model of any kind, routed layers included.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/random.hpp>
#include <canopy/datasets/data_loader.hpp>
#include <canopy/experiments/training/optimisation.hpp>
#include <canopy/experiments/training/routing_recipe.hpp>
#include <canopy/experiments/training/task.hpp>
#include <canopy/nn/routed/routing_usage.hpp>
#include <canopy/nn/routed/tree_initialisation.hpp>

namespace canopy::training {

/// What a training with routed layers needs besides data, loss and scores: routing by a recipe, the losses on it, and
/// an optimizer that knows what rows of parameters belong to.
class RoutedTask : public Task {
 public:
  RoutedTask(std::unique_ptr<nn::Layer> model, const Optimisation& optimisation, const RoutingRecipe& routing);

  nn::Layer& model() override { return *model_; }
  const nn::Layer& model() const { return *model_; }
  const Optimisation& optimisation() const { return optimisation_; }
  /// A new one for the parameters of the model.
  std::unique_ptr<optim::Optimizer> optimizer() const { return make_optimizer(optimisation_, *model_, usage_); }

  /// At the end of a balance phase training goes on from its best model.
  void start_epoch(Trainer& trainer) override;
  void set_progress(const Progress& progress) override;

 protected:
  const Progress& progress() const { return progress_; }
  /// The loss of a task on the model's output for these inputs, and the recipe's losses on its routing.
  Variable loss_of(const Tensor& inputs, const std::function<Variable(const Variable& output)>& task_loss);
  /// Called with the decisions of each forward in training whose loss is a number.
  virtual void observe(const nn::RoutingTrace&) {}

 private:
  std::unique_ptr<nn::Layer> model_;
  Optimisation optimisation_;
  RoutingRecipe recipe_;
  RoutingSchedule routing_;
  nn::RoutingUsage usage_;
  Progress progress_;
};

/// Trains on shuffled batches of `train`, whose batches are pairs of inputs (a Tensor) and targets. Derive from it and
/// give it scores: `evaluate`. Data that differ from pass to pass have a `start_pass(number)`, which is called before
/// each, also where a training goes on in the middle of one, with a number that no other pass has.
template <Dataset D>
class SupervisedTask : public RoutedTask {
 public:
  using Targets = typename BatchOf<D>::second_type;
  /// The mean loss of a batch.
  using LossFunction = std::function<Variable(const Variable& output, const Targets& targets)>;

  /// Trees are initialised from so many samples, or all, where the recipe wants it.
  SupervisedTask(std::unique_ptr<nn::Layer> model, D train, LossFunction loss, const Optimisation& optimisation,
                 const RoutingRecipe& routing, std::int64_t samples_for_trees = 8192)
      : RoutedTask(std::move(model), optimisation, routing), train_(std::move(train)), loss_(std::move(loss)) {
    if (routing.tree_initialisation) nn::initialise_trees(this->model(), samples(samples_for_trees));
  }

  const D& train() const { return train_; }

  std::int64_t batches() const override {
    return (train_.size() + optimisation().batch_size - 1) / optimisation().batch_size;
  }

  Amounts amounts(std::int64_t seen) const override {
    const std::int64_t rest = std::min(seen % batches() * optimisation().batch_size, train_.size());
    return {{"samples", seen / batches() * train_.size() + rest}};
  }

  void run_epoch(std::int64_t skip, const Step& step) override {
    // Where the stream of the order stands: also after a resume, which puts it back.
    if constexpr (requires { train_.start_pass(std::uint64_t{}); }) {
      train_.start_pass(random_stream("order").position());
    }
    const DataLoader loader(
        train_, {.batch_size = optimisation().batch_size, .shuffle = true, .prefetch = batches_ahead(), .skip = skip});
    for (const auto& batch : loader) {
      const auto loss = [&] {
        return loss_of(batch.first, [&](const Variable& output) { return loss_(output, batch.second); });
      };
      if (!step(loss)) return;
    }
  }

 protected:
  /// So many batches are made by a thread of their own before they are wanted, for data that cost work; 0: each when it
  /// is.
  virtual std::int64_t batches_ahead() const { return 0; }

 private:
  // Inputs of so many samples from all over the training data, or of all.
  Tensor samples(std::int64_t count) const {
    count = std::min(count, train_.size());
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = i * train_.size() / count;
    return train_.batch(indices).first;
  }

  D train_;
  LossFunction loss_;
};

}  // namespace canopy::training
