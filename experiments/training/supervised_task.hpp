// A task whose batches are pairs of inputs and targets, for a model of any kind, routed layers included.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <canopy/experiments/training/dataset_task.hpp>
#include <canopy/nn/routed/tree_initialisation.hpp>

namespace canopy::training {

/// Trains on shuffled batches of `train`, whose batches are pairs of inputs (a Tensor) and targets. Derive from it and
/// give it scores: `evaluate`.
template <Dataset D>
class SupervisedTask : public DatasetTask<D> {
 public:
  using Targets = typename BatchOf<D>::second_type;
  /// The mean loss of a batch.
  using LossFunction = std::function<Variable(const Variable& output, const Targets& targets)>;

  /// Trees are initialised from so many samples, or all, where the recipe wants it.
  SupervisedTask(std::unique_ptr<nn::Layer> model, D train, LossFunction loss, const Optimisation& optimisation,
                 const RoutingRecipe& routing, std::int64_t samples_for_trees = 8192)
      : DatasetTask<D>(std::move(model), std::move(train), optimisation, routing), loss_(std::move(loss)) {
    if (routing.tree_initialisation) nn::initialise_trees(this->model(), inputs(samples_for_trees));
  }

  // It was given as a layer.
  nn::Layer& model() override { return static_cast<nn::Layer&>(RoutedTask::model()); }
  const nn::Layer& model() const { return static_cast<const nn::Layer&>(RoutedTask::model()); }

 protected:
  Variable loss_of(const BatchOf<D>& batch) override { return loss_(model().forward(batch.first), batch.second); }

 private:
  // Of so many samples from all over the training data, or of all.
  Tensor inputs(std::int64_t count) const {
    const D& train = this->train();
    count = std::min(count, train.size());
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = i * train.size() / count;
    return train.batch(indices).first;
  }

  LossFunction loss_;
};

}  // namespace canopy::training
