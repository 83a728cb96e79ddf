// Layer normalisation (Ba et al. 2016) of the rows of a matrix. Arrays called [rows, n] are contiguous.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// y = weight * (x - mean) / sqrt(variance + eps) + bias with mean and (biased) variance of each row; x, y [rows,
/// n], weight, bias [n]; a null bias is 0. Saves mean and 1 / sqrt(variance + eps), both [rows], for backward.
/// y may be x.
void layer_norm(const float* x, const float* weight, const float* bias, float eps, std::int64_t rows, std::int64_t n,
                float* y, float* mean, float* inverse_deviation);

/// Gradients from dy [rows, n]. With z = (x - mean) * inverse_deviation and g = dy * weight:
///   dx = inverse_deviation * (g - mean(g) - z * mean(g * z)),   dweight = sum over rows of dy * z,   dbias = of dy.
/// Rows are summed in blocks whose bounds do not depend on the number of threads. Null pointers skip an output.
void layer_norm_backward(const float* x, const float* weight, const float* mean, const float* inverse_deviation,
                         const float* dy, std::int64_t rows, std::int64_t n, float* dx, float* dweight, float* dbias);

}  // namespace canopy::kernels
