// Soft-max of rows and what is fused with it. Matrices are [rows, n], row-major; outputs may be inputs, other overlap
// is not allowed. Every row is shifted by its maximum, so that no exponential overflows.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// y[r, c] = exp(x[r, c]) / sum over j of exp(x[r, j])
void softmax(const float* x, float* y, std::int64_t rows, std::int64_t n);
/// dx = y (dy - sum over the row of y dy)
void softmax_backward(const float* y, const float* dy, float* dx, std::int64_t rows, std::int64_t n);

/// y[r, c] = x[r, c] - log(sum over j of exp(x[r, j]))
void log_softmax(const float* x, float* y, std::int64_t rows, std::int64_t n);
/// dx = dy - exp(y) sum over the row of dy
void log_softmax_backward(const float* y, const float* dy, float* dx, std::int64_t rows, std::int64_t n);

struct CrossEntropyOptions {
  float label_smoothing = 0.f;       ///< s in [0, 1]: the target is (1 - s) on the label and s / classes everywhere
  std::int32_t ignore_index = -100;  ///< rows with this label count neither in the loss nor in its mean
};

struct CrossEntropyResult {
  double sum;            ///< of the rows' losses
  std::int64_t counted;  ///< rows whose label is not ignored
};

/// A row's loss is -sum over c of target[r, c] log soft-max(logits)[r, c], 0 for ignored rows; `losses` [rows] receives
/// them unless it is null. `statistics` [rows, 2] receives for each row its maximum and the sum of exp(x - maximum),
/// all that backward needs besides the logits. Throws DataError naming the first row whose label is neither in [0,
/// classes) nor ignored.
CrossEntropyResult cross_entropy(const float* logits, const std::int32_t* labels, std::int64_t rows,
                                 std::int64_t classes, const CrossEntropyOptions& options, float* statistics,
                                 float* losses);

/// dx[r] = dy[r] (soft-max(logits[r]) - target[r]) with the gradient dy [rows] of each row's loss; 0 in ignored rows.
void cross_entropy_backward(const float* logits, const std::int32_t* labels, const float* statistics, const float* dy,
                            std::int64_t rows, std::int64_t classes, const CrossEntropyOptions& options, float* dx);

}  // namespace canopy::kernels
