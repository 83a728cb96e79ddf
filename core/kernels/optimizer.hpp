// One-pass updates of a parameter of n floats, with the semantics of torch.optim.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// A parameter's gradient: n floats, or, of a parameter [n / width, width], the rows that are not zero.
struct ParameterGradient {
  const float* values;
  const std::int32_t* rows = nullptr;  ///< [count], ascending; null where `values` is the whole gradient
  std::int64_t count = 0;              ///< rows in `values`
  std::int64_t width = 0;
  bool lazy = false;  ///< the other rows of the parameter and of its state stay as they are
};

struct SgdStep {
  double learning_rate = 0;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  bool first_step = false;  ///< the momentum buffer starts as the gradient; what it held is not read
};

/// g += weight_decay p; buffer = momentum buffer + g; p -= learning_rate (buffer, or g + momentum buffer if nesterov).
/// Without momentum `buffer` is not touched and may be null. g itself stays as it is.
/// Equal to the bit whether zero rows are stored or not; without momentum and decay they are not touched.
void sgd(float* p, const ParameterGradient& g, float* buffer, std::int64_t n, const SgdStep& step);

struct AdamStep {
  double learning_rate = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;       ///< AdamW: p shrinks by learning_rate weight_decay p; otherwise g += weight_decay p
  double bias_correction1 = 1;  ///< 1 - beta1^t at step t = 1, 2, ...
  double bias_correction2 = 1;  ///< 1 - beta2^t
};

/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
/// p -= learning_rate / bias_correction1 m / (sqrt(v / bias_correction2) + epsilon). g itself stays as it is.
/// Equal to the bit whether zero rows are stored or not.
void adam(float* p, const ParameterGradient& g, float* m, float* v, std::int64_t n, const AdamStep& step);

/// Sum of x_i^2 in double, for clipping by norm: finite for all finite x, and nothing tiny is lost. The same bits for
/// any number of threads.
double sum_of_squares(const float* x, std::int64_t n);

}  // namespace canopy::kernels
