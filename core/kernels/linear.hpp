// The linear layer in one pass: bias and activation are applied to each block of the product while it is in the cache.
#pragma once

#include <cstdint>

#include <canopy/core/activation.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>

namespace canopy::kernels {

/// y = activation(z), z = x W^T + bias; x is [rows, inputs], w [outputs, inputs], bias [outputs] or null, y [rows,
/// outputs]. z, of y's size, is written only where it is not null: for the activations whose backward reads it. Y may
/// not overlap the operands. The same bits for any number of threads.
void linear_forward(std::int64_t rows, std::int64_t inputs, std::int64_t outputs, const float* x, const float* w,
                    const float* bias, Activation activation, float* y, float* z = nullptr);

/// The same without z, where W^T is packed: for inference, whose weights do not change.
void linear_forward(std::int64_t rows, const float* x, const PackedFactor& w, const float* bias, Activation activation,
                    float* y);

}  // namespace canopy::kernels
