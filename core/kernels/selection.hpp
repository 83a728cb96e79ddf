// Choosing between numbers, element by element, on contiguous arrays of n floats, with the gradients that PyTorch gives
// at ties and bounds. Outputs may be inputs; other overlap is not allowed.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// out = b where condition is 0, else a; NaN is not 0.
void select(const float* condition, const float* a, const float* b, float* out, std::int64_t n);

/// The larger or the smaller one; NaN if one is NaN. Which one of 0 and -0 is not said.
void maximum(const float* a, const float* b, float* out, std::int64_t n);
void minimum(const float* a, const float* b, float* out, std::int64_t n);
/// The gradient of a in maximum(a, b), and with the two exchanged that of b: dy where a is chosen, half of it at a tie,
/// else 0; dy for both where one is NaN.
void maximum_backward(const float* a, const float* b, const float* dy, float* da, std::int64_t n);
void minimum_backward(const float* a, const float* b, const float* dy, float* da, std::int64_t n);

/// out = low below low, high above high, else a; NaN stays. low <= high.
void clamp(const float* a, float low, float high, float* out, std::int64_t n);
/// da = dy where low <= a <= high, bounds included, else 0.
void clamp_backward(const float* a, float low, float high, const float* dy, float* da, std::int64_t n);

}  // namespace canopy::kernels
