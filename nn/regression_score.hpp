// Errors of a regression, never without the use of its branches.
#pragma once

#include <cstdint>
#include <vector>

#include <canopy/core/standardisation.hpp>
#include <canopy/nn/routed/routing_load.hpp>
#include <canopy/nn/scoring.hpp>

namespace canopy {

/// In the unit of the targets, over all samples and outputs.
struct RegressionScore {
  std::int64_t samples = 0;
  double rmse = 0;                       ///< square root of the mean squared error; NaN of no samples
  double mae = 0;                        ///< mean absolute error; likewise
  std::vector<nn::RoutingLoad> routing;  ///< of every routed layer of the model

  double maximum_load() const { return nn::maximum_load(routing); }
};

/// Counts batch by batch.
class RegressionScorer {
 public:
  /// `targets`: what the targets that the model learnt went through. `model` must be in evaluation mode and outlive the
  /// scorer. Throws Error in training mode.
  explicit RegressionScorer(const nn::Layer& model, Standardisation targets = {});
  /// inputs [batch, ...] and targets of as many numbers as the model answers, standardised. Throws ShapeError.
  void add(const Tensor& inputs, const Tensor& targets);
  RegressionScore score() const;

 private:
  const nn::Layer& model_;
  Standardisation targets_;
  std::int64_t samples_ = 0, numbers_ = 0;
  double squares_ = 0, absolute_ = 0;
  nn::RoutingLoads loads_;
};

/// Scores `model` on every sample of a data set that has `size()`, `batch(indices) -> (inputs, targets)` and
/// `metadata()`.
template <class Dataset>
RegressionScore evaluate_regression(const nn::Layer& model, const Dataset& dataset) {
  RegressionScorer scorer(model, dataset.metadata().target);
  score_all(scorer, dataset);
  return scorer.score();
}

}  // namespace canopy
