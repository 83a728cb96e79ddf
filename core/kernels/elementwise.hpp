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

void negate(const float* a, float* out, std::int64_t n);  ///< out = -a
void square(const float* a, float* out, std::int64_t n);  ///< out = a^2
void sqrt(const float* a, float* out, std::int64_t n);    ///< out = sqrt(a); NaN below 0
void exp(const float* a, float* out, std::int64_t n);     ///< out = e^a
void log(const float* a, float* out, std::int64_t n);     ///< out = natural log(a); NaN below 0
void expm1(const float* a, float* out, std::int64_t n);   ///< out = e^a - 1, accurate near 0
void log1p(const float* a, float* out, std::int64_t n);   ///< out = log(1 + a), accurate near 0
void abs(const float* a, float* out, std::int64_t n);     ///< out = |a|

// The same row (or the same column) against all of a matrix [rows, n].
void add_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n);       ///< a + row
void subtract_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n);  ///< a - row
void multiply_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n);  ///< a * row
void divide_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n);    ///< a / row
/// out[r, c] = a[r, c] column[r]
void multiply_column(const float* a, const float* column, float* out, std::int64_t rows, std::int64_t n);

}  // namespace canopy::kernels
