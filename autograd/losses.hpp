// Losses of predictions x and targets, element by element. All take weights and a reduction; `cross_entropy` of classes
// is in softmax.hpp. Each is one record on the tape.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// What becomes of the elements' losses.
enum class Reduction {
  mean,  ///< their mean over all elements, a scalar
  sum,   ///< their sum, a scalar
  none   ///< they stay as they are
};

struct LossOptions {
  Tensor weight = {};  ///< of each element, must broadcast to x; empty: 1. It does not count in the mean's divisor.
  Reduction reduction = Reduction::mean;
};

// All throw ShapeError, naming both shapes, unless x and target have the same shape with at least one element, and if
// the weight does not broadcast to it. The target may have a gradient, too.

/// (x - target)^2
Variable mean_squared_error(const Variable& x, const Variable& target, const LossOptions& options = {});
/// |x - target|, the L1 loss; the slope at 0 is 0.
Variable mean_absolute_error(const Variable& x, const Variable& target, const LossOptions& options = {});

struct HuberOptions {
  float delta = 1.f;  ///< above 0
  Tensor weight = {};
  Reduction reduction = Reduction::mean;
};

/// With d = |x - target|: d^2 / 2 up to delta, beyond it delta (d - delta / 2) (Huber 1964). Throws ConfigError unless
/// delta > 0.
Variable huber_loss(const Variable& x, const Variable& target, const HuberOptions& options = {});

struct BinaryCrossEntropyOptions {
  /// p below, must broadcast to the logits; empty: 1. For rare classes the number of negatives for each positive.
  Tensor positive_weight = {};
  Tensor weight = {};
  Reduction reduction = Reduction::mean;
};

/// -(p target log s + (1 - target) log(1 - s)) with s = sigmoid(logit), computed from the logits without overflow and
/// without losing small losses; targets in [0, 1], one for each logit.
Variable binary_cross_entropy_with_logits(const Variable& logits, const Variable& target,
                                          const BinaryCrossEntropyOptions& options = {});

/// The same from probabilities, -(target log x + (1 - target) log(1 - x)), where there are no logits: the logarithms
/// are cut off at -100 and the gradient's divisor x (1 - x) at 1e-12, as in PyTorch. Throws DataError naming the first
/// x outside of [0, 1].
Variable binary_cross_entropy(const Variable& x, const Variable& target, const LossOptions& options = {});

}  // namespace canopy
