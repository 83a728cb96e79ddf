// Gradients of replicas, summed: the seam between an optimizer and other processes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy::optim {

/// What connects the ranks that train replicas of one model, such as MPI. Its calls are collective: every rank makes
/// the same ones in the same order.
class GradientReducer {
 public:
  virtual ~GradientReducer() = default;
  /// values[i] becomes the sum of all ranks' values[i], on every rank, added in the order of the ranks: the first's,
  /// plus the second's, and so on. So all ranks hold the same bits, and hold them again in the next run. All ranks pass
  /// the same number of values.
  virtual void sum(std::span<float> values) = 0;
  /// What each rank passes, in the order of the ranks; their numbers may differ.
  virtual std::vector<std::vector<std::int32_t>> gather(std::span<const std::int32_t> values) = 0;
};

/// The only rank.
class SingleProcess final : public GradientReducer {
 public:
  void sum(std::span<float>) override {}
  std::vector<std::vector<std::int32_t>> gather(std::span<const std::int32_t> values) override {
    return {{values.begin(), values.end()}};
  }
};

/// Replaces the gradient of every parameter by the sum of all ranks' gradients, between backward and clipping or step.
/// For the gradient of a mean over the global batch, a rank multiplies its loss by its share of the batch.
///
/// Parameters are reduced one after the other in their order, which is the same on all ranks; one that is listed twice
/// is reduced once. Gradients that are row-sparse wherever there is one stay so, with the rows of all ranks, and only
/// these are sent; otherwise they are dense. A rank without a gradient takes part with zeros, and a parameter that has
/// none on any rank has none afterwards. Throws ConfigError, on every rank, where they reduce different numbers of
/// parameters.
void reduce_gradients(const std::vector<Variable>& parameters, GradientReducer& reducer);

}  // namespace canopy::optim
