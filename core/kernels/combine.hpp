// What grouped rows give back to the rows they came from: item i = (row, choice) = (i / k, i % k) stands at
// position[i], and every row gathers its k positions. No two threads write the same element.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// y[r] = sum over j < k of gates[r, j] grouped[position[r, j]], in the order of j; with null gates they are 1. Rows of
/// `width` floats.
void combine(const float* grouped, const std::int32_t* position, const float* gates, std::int64_t rows, std::int64_t k,
             std::int64_t width, float* y);

/// Its gradients: d_grouped[position[r, j]] = gates[r, j] dy[r] and d_gates[r, j] = grouped[position[r, j]] . dy[r].
/// Either result may be null; `grouped` is read for d_gates only, null gates are 1.
void combine_backward(const float* grouped, const std::int32_t* position, const float* gates, const float* dy,
                      std::int64_t rows, std::int64_t k, std::int64_t width, float* d_grouped, float* d_gates);

}  // namespace canopy::kernels
