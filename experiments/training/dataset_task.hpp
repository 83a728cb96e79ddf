// A task that goes over a data set, pass after pass, in shuffled batches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include <canopy/core/random.hpp>
#include <canopy/datasets/data_loader.hpp>
#include <canopy/experiments/training/routed_task.hpp>

namespace canopy::training {

/// Batches of any kind: derive from it and say what the loss of one is. Data that differ from pass to pass have a
/// `start_pass(number)`, which is called before each, also where a training goes on in the middle of one, with a number
/// that no other pass has.
template <Dataset D>
class DatasetTask : public RoutedTask {
 public:
  using Batch = BatchOf<D>;

  DatasetTask(std::unique_ptr<nn::Module> model, D train, const Optimisation& optimisation,
              const RoutingRecipe& routing)
      : RoutedTask(std::move(model), optimisation, routing), train_(std::move(train)) {}

  const D& train() const { return train_; }

  std::int64_t batches() const override {
    return (train_.size() + optimisation().batch_size - 1) / optimisation().batch_size;
  }

  Amounts amounts(std::int64_t seen) const override { return {{"samples", samples(seen)}}; }

  void run_epoch(std::int64_t skip, const Step& step) override {
    // Where the stream of the order stands: also after a resume, which puts it back.
    if constexpr (requires { train_.start_pass(std::uint64_t{}); }) {
      train_.start_pass(random_stream("order").position());
    }
    const DataLoader loader(
        train_, {.batch_size = optimisation().batch_size, .shuffle = true, .prefetch = batches_ahead(), .skip = skip});
    for (const Batch& batch : loader) {
      const auto loss = [&] { return with_routing([&] { return loss_of(batch); }); };
      if (!step(loss)) return;
    }
  }

 protected:
  /// The mean loss of a batch, which runs the model.
  virtual Variable loss_of(const Batch& batch) = 0;

  /// So many batches are made by a thread of their own before they are wanted, for data that cost work; 0: each when it
  /// is.
  virtual std::int64_t batches_ahead() const { return 0; }

  /// In the first so many batches of a training.
  std::int64_t samples(std::int64_t seen) const {
    const std::int64_t rest = std::min(seen % batches() * optimisation().batch_size, train_.size());
    return seen / batches() * train_.size() + rest;
  }

 private:
  D train_;
};

}  // namespace canopy::training
