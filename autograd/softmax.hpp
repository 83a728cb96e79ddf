// Differentiable soft-max and the loss of classifiers.
#pragma once

#include <cstdint>

#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/variable.hpp>

namespace canopy {

/// exp(x) divided by its sum over the last axis; 0 in a row that is -infinity throughout (masked). Throws ShapeError
/// for a scalar.
Variable softmax(const Variable& x);

/// The logarithm of softmax(x), accurate where that is tiny; -infinity where it is 0. Throws ShapeError for a scalar.
Variable log_softmax(const Variable& x);

struct CrossEntropyOptions {
  float label_smoothing = 0.f;       ///< s in [0, 1]: the target is (1 - s) on the label and s / classes everywhere
  std::int32_t ignore_index = -100;  ///< rows with this label have no loss and do not count in the mean
  Reduction reduction = Reduction::mean;
};

/// -log softmax(logits)[label], with options as in PyTorch, its mean over the labels unless the options say otherwise
/// (Reduction::none: the shape of the labels); fused, so that no probabilities are stored. `logits` [..., classes],
/// `labels` [...]. If every label is ignored, the mean and its gradient are 0 (PyTorch's are NaN). Throws ShapeError if
/// the shapes do not fit, DataError for a label that is neither in [0, classes) nor ignored, ConfigError for a label
/// smoothing outside [0, 1].
Variable cross_entropy(const Variable& logits, const Indices& labels, const CrossEntropyOptions& options = {});

}  // namespace canopy
