// Squared differences, the core of the mean squared error.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// The sum of (a - b)^2 over n elements, in blocks whose bounds do not depend on the number of threads.
double squared_error(const float* a, const float* b, std::int64_t n);

/// out = factor * (a - b)
void scaled_difference(const float* a, const float* b, float factor, float* out, std::int64_t n);

}  // namespace canopy::kernels
