// Accuracy of a classifier, never without the use of its branches.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/nn/routed/routing_load.hpp>
#include <canopy/nn/scoring.hpp>

namespace canopy {

struct ClassifierScore {
  std::int64_t samples = 0;
  double accuracy = 0;                   ///< percent; NaN of no samples
  std::vector<nn::RoutingLoad> routing;  ///< of every routed layer of the model

  // All routed layers together; a model without one is a single leaf.
  std::int64_t leaves = 1;         ///< leaves, ends of paths, experts
  std::int64_t leaves_used = 1;    ///< those that at least one row was sent to
  double maximum_leaf_load = 100;  ///< of the layer where it is largest: percent of its rows in the fullest branch

  /// Whether a layer sends over 90 % of its rows to one of several branches: it decides nothing, and the accuracy is
  /// that of one branch.
  bool collapsed() const { return std::ranges::any_of(routing, &nn::RoutingLoad::collapsed); }
};

/// Counts batch by batch.
class ClassifierScorer {
 public:
  enum class Inference {
    hard,  ///< one leaf a sample
    soft   ///< the mixture of all leaves (nn::SoftInference); loads are those of the hard decisions all the same
  };
  /// `model` must be in evaluation mode and outlive the scorer. Throws Error in training mode.
  explicit ClassifierScorer(const nn::Layer& model, Inference inference = Inference::hard);
  /// inputs [batch, ...], labels [batch]; the prediction is the largest logit, the first of equal ones. Logits that are
  /// not numbers predict nothing.
  void add(const Tensor& inputs, const Indices& labels);
  ClassifierScore score() const;

 private:
  const nn::Layer& model_;
  Inference inference_;
  std::int64_t samples_ = 0;
  std::int64_t correct_ = 0;
  nn::RoutingLoads loads_;
};

/// Scores `model` on every sample of a data set that has `size()` and `batch(indices) -> (inputs, labels)`.
template <class Dataset>
ClassifierScore evaluate_classifier(const nn::Layer& model, const Dataset& dataset,
                                    ClassifierScorer::Inference inference = ClassifierScorer::Inference::hard) {
  ClassifierScorer scorer(model, inference);
  score_all(scorer, dataset);
  return scorer.score();
}

}  // namespace canopy
