// Accuracy of a classifier, never without the use of its leaves. The leaves of a mixture are its experts, and a sample
// counts for the one with the largest gate.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/nn/module.hpp>

namespace canopy {

struct ClassifierScore {
  std::int64_t samples = 0;
  double accuracy = 0;                  ///< percent
  std::int64_t leaves = 1;              ///< of the layer; 1 for a model without a tree
  std::int64_t leaves_used = 1;         ///< leaves that at least one sample was sent to
  double maximum_leaf_load = 100;       ///< percent of the samples in the fullest leaf
  std::vector<std::int64_t> leaf_load;  ///< samples in each leaf

  static constexpr double collapsed_above = 90;  ///< percent
  /// More of the inputs than that in one of several leaves: the tree decides nothing, and the accuracy is that of one
  /// leaf.
  bool collapsed() const { return leaves > 1 && maximum_leaf_load > collapsed_above; }
};

/// Counts batch by batch.
class ClassifierScorer {
 public:
  enum class Inference {
    hard,  ///< one leaf a sample
    soft   ///< the mixture of all leaves; loads are those of the hard decisions all the same
  };
  /// `model` must be in evaluation mode and outlive the scorer. Throws Error in training mode.
  explicit ClassifierScorer(const nn::Layer& model, Inference inference = Inference::hard);
  /// inputs [batch, features], labels [batch]; the prediction is the largest logit, the first of equal ones.
  void add(const Tensor& inputs, const Indices& labels);
  ClassifierScore score() const;

 private:
  const nn::Layer& model_;
  Inference inference_;
  std::int64_t samples_ = 0;
  std::int64_t correct_ = 0;
  std::vector<std::int64_t> leaf_load_;
};

/// Scores `model` on every sample of a data set that has `size()` and `batch(indices) -> (inputs, labels)`.
template <class Dataset>
ClassifierScore evaluate_classifier(const nn::Layer& model, const Dataset& dataset,
                                    ClassifierScorer::Inference inference = ClassifierScorer::Inference::hard) {
  constexpr std::int64_t batch = 1024;
  ClassifierScorer scorer(model, inference);
  std::vector<std::int64_t> indices;
  for (std::int64_t first = 0; first < dataset.size(); first += batch) {
    indices.resize(static_cast<std::size_t>(std::min(batch, dataset.size() - first)));
    std::iota(indices.begin(), indices.end(), first);
    const auto [inputs, labels] = dataset.batch(indices);
    scorer.add(inputs, labels);
  }
  return scorer.score();
}

}  // namespace canopy
