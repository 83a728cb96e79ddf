// Elementwise arithmetic on contiguous arrays of n floats. Outputs may be inputs; other overlap is not allowed.
#pragma once

#include <cstdint>

namespace canopy::kernels {

void add(const float* a, const float* b, float* out, std::int64_t n);       ///< out = a + b
void subtract(const float* a, const float* b, float* out, std::int64_t n);  ///< out = a - b
void multiply(const float* a, const float* b, float* out, std::int64_t n);  ///< out = a * b
void divide(const float* a, const float* b, float* out, std::int64_t n);    ///< out = a / b
void add_to(float* out, const float* a, std::int64_t n);                    ///< out += a
void scale(const float* a, float factor, float* out, std::int64_t n);       ///< out = factor * a
void add_scalar(const float* a, float term, float* out, std::int64_t n);    ///< out = a + term

}  // namespace canopy::kernels
