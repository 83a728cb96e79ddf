// Sums, means and maxima. An array is seen as [outer, n, inner], row-major, and the middle axis is reduced: inner = 1
// reduces the last axis, outer = 1 the first. Blocks depend on shapes only: the same bits for any number of threads.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// Sum of n numbers, gathered in double.
double sum(const float* x, std::int64_t n);

/// Sum of a_i b_i, gathered in double.
double dot(const float* a, const float* b, std::int64_t n);

/// Sum of (x_i - origin_i) w_i, gathered in double: what x and the origin have in common costs no digits.
double dot_from(const float* origin, const float* x, const float* w, std::int64_t n);

/// out[o, i] = sum over k of x[o, k, i]; 0 where n is 0.
void sum_axis(const float* x, float* out, std::int64_t outer, std::int64_t n, std::int64_t inner);

/// out[o, i] = mean over k of x[o, k, i]; NaN where n is 0.
void mean_axis(const float* x, float* out, std::int64_t outer, std::int64_t n, std::int64_t inner);

/// out[o, i] = the largest of x[o, k, i] over k, n >= 1; NaN if one is NaN. `index` [outer, inner], which may be null,
/// receives the first k that holds it.
void max_axis(const float* x, float* out, std::int32_t* index, std::int64_t outer, std::int64_t n, std::int64_t inner);

/// index[r] = the first column that holds the largest number (or a NaN) of row r of x [rows, n], n >= 1.
void argmax_rows(const float* x, std::int32_t* index, std::int64_t rows, std::int64_t n);

/// out[o, k, i] = factor x[o, i] for all k < n: the gradient of a sum (factor 1) or a mean (1 / n).
void expand_axis(const float* x, float factor, float* out, std::int64_t outer, std::int64_t n, std::int64_t inner);

/// out[o, k, i] = x[o, i] where k = index[o, i], else 0: the gradient of a maximum.
void place_axis(const float* x, const std::int32_t* index, float* out, std::int64_t outer, std::int64_t n,
                std::int64_t inner);

}  // namespace canopy::kernels
