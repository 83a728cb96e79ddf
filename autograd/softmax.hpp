// Differentiable soft-max and the loss of classifiers.
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/kernels/softmax.hpp>

namespace canopy {

/// exp(x) divided by its sum over the last axis. Throws ShapeError for a scalar.
Variable softmax(const Variable& x);

/// The logarithm of softmax(x), accurate where that is tiny. Throws ShapeError for a scalar.
Variable log_softmax(const Variable& x);

/// `label_smoothing` (default 0) and `ignore_index` (default -100).
using kernels::CrossEntropyOptions;

/// The mean over labels of -log softmax(logits)[label], a scalar, with options as in PyTorch; fused, so that no
/// probabilities are stored. `logits` [..., classes], `labels` [...]. If every label is ignored, the loss and its
/// gradient are 0 (PyTorch's are NaN). Throws ShapeError if the shapes do not fit, DataError for a label that is
/// neither in [0, classes) nor ignored, ConfigError for a label smoothing outside [0, 1].
Variable cross_entropy(const Variable& logits, const Indices& labels, const CrossEntropyOptions& options = {});

}  // namespace canopy
