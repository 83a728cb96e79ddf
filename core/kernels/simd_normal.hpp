// The standard normal distribution in registers. Included by kernels' sources only.
#pragma once

#include <numbers>

#include <canopy/core/kernels/simd_math.hpp>

namespace canopy::kernels::simd {

/// Phi(x); erfc rather than 1 + erf keeps the relative accuracy of the lower tail.
inline Batch normal_cdf(Batch x) {
  constexpr float half_sqrt2 = static_cast<float>(std::numbers::sqrt2 / 2);
  return Batch(0.5f) * xsimd::erfc(Batch(-half_sqrt2) * x);
}

/// phi(x) = Phi'(x).
inline Batch normal_density(Batch x) {
  constexpr float inv_sqrt_2pi = static_cast<float>(std::numbers::sqrt2 / 2 * std::numbers::inv_sqrtpi);
  return Batch(inv_sqrt_2pi) * exp(Batch(-0.5f) * x * x);
}

}  // namespace canopy::kernels::simd
