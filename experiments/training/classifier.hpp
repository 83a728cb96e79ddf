// Trains one classifier of a grid, from its recipe to its result.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/training/recipe.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::training {

struct ClassifierOptions {
  std::string dataset;
  Recipe recipe;
  std::int64_t epochs = 20;   ///< at most
  std::int64_t patience = 0;  ///< ends when neither accuracy has improved for so many epochs; 0: never
  /// Every so many batches the batch mean of each node's entropy goes to entropies.csv; 0: never.
  std::int64_t entropies_every = 0;
  /// The model for these inputs and classes; called after the seed is set.
  std::function<std::unique_ptr<nn::Layer>(std::int64_t inputs, std::int64_t classes)> model;
};

/// Trains with `context.seed` on nine tenths of the training images and validates on the rest (paper 1, section
/// "Experiments"), or as `Selection::test` says.
///
/// M_A is the best hard training accuracy over the epochs, G_A the hard test accuracy of the epoch with the best hard
/// validation accuracy; leaves used, maximum leaf load and entropy are that epoch's on the test set. The checkpoint
/// holds that epoch's classifier as `canopy eval` reads it, and beside it what resuming needs; a resumed cell gives the
/// same bits. The classifier of the last epoch goes to last.safetensors. A loss that is not finite ends the training
/// with status "diverged".
harness::Result train_classifier(const harness::CellContext& context, const ClassifierOptions& options);

}  // namespace canopy::training
