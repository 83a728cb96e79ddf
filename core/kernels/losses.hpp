// Losses of pairs of numbers, element by element, on contiguous arrays of n floats: x, what is predicted, and target t.
// A loss returns the sum over all elements, gathered in double; `out` receives the elements' losses unless it is null.
// A
// `..._slope` is `scale` times the derivative with respect to x. Outputs may be inputs; other overlap is not allowed.
// NaN in, NaN out.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// (x - t)^2 and 2 (x - t)
double squared_error(const float* x, const float* t, float* out, std::int64_t n);
void squared_error_slope(const float* x, const float* t, float scale, float* out, std::int64_t n);

/// |x - t| and the sign of x - t, or 0
double absolute_error(const float* x, const float* t, float* out, std::int64_t n);
void absolute_error_slope(const float* x, const float* t, float scale, float* out, std::int64_t n);

/// (x - t)^2 / 2 where |x - t| <= delta, else delta (|x - t| - delta / 2); delta > 0 (Huber 1964).
double huber(const float* x, const float* t, float delta, float* out, std::int64_t n);
void huber_slope(const float* x, const float* t, float delta, float scale, float* out, std::int64_t n);

/// From a logit x: -(p t log s(x) + (1 - t) log(1 - s(x))) with s the sigmoid function and p the weight of the positive
/// side, as p t softplus(-x) + (1 - t) softplus(x): nothing overflows, small losses keep their digits. Its derivative
/// is (1 - t) s(x) - p t s(-x). `positive_weight` [n] may be null: 1.
double binary_cross_entropy(const float* x, const float* t, const float* positive_weight, float* out, std::int64_t n);
void binary_cross_entropy_slope(const float* x, const float* t, const float* positive_weight, float scale, float* out,
                                std::int64_t n);
/// The derivative with respect to t: p softplus(-x) - softplus(x).
void binary_cross_entropy_target_slope(const float* x, const float* positive_weight, float scale, float* out,
                                       std::int64_t n);

/// The same from a probability x in [0, 1], without weight: -(t log x + (1 - t) log(1 - x)), each logarithm at least
/// -100, so that the loss stays finite; in the derivatives x (1 - x) is at least 1e-12, as in PyTorch.
double probability_cross_entropy(const float* x, const float* t, float* out, std::int64_t n);
void probability_cross_entropy_slope(const float* x, const float* t, float scale, float* out, std::int64_t n);
void probability_cross_entropy_target_slope(const float* x, float scale, float* out, std::int64_t n);

}  // namespace canopy::kernels
