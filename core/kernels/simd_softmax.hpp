// What a soft-max is made of, in registers. Included by kernels' sources only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <canopy/core/kernels/simd_math.hpp>

namespace canopy::kernels::simd {

/// The largest of n numbers; -infinity of none. A NaN may be missed: it comes back with the exponentials.
inline float maximum_of(const float* x, std::int64_t n) {
  constexpr float lowest = -std::numeric_limits<float>::infinity();
  Batch best(lowest);
  std::int64_t i = 0;
  for (; i + width <= n; i += width) best = xsimd::max(best, load(x + i));
  if (i < n) best = xsimd::max(best, load_partial(x + i, n - i, lowest));
  return largest_lane(best);
}

/// y = exp(scale x - shift) with a positive scale; returns the sum. The padding of the last register is exp(-infinity)
/// = 0. y may be x.
inline float exponentials(const float* x, float scale, float shift, float* y, std::int64_t n) {
  const auto exponential = [factor = Batch(scale), s = Batch(shift)](const Batch& v) {
    return simd::exp(xsimd::fms(factor, v, s));
  };
  double total = 0;
  std::int64_t i = 0;
  while (i + width <= n) {
    Batch lanes(0.f);
    const std::int64_t stop = std::min(n, i + 64 * width);
    for (; i + width <= stop; i += width) {
      const Batch e = exponential(load(x + i));
      store(y + i, e);
      lanes += e;
    }
    total += simd::reduce_add(lanes);
  }
  if (i < n) {
    const Batch e = exponential(load_partial(x + i, n - i, -std::numeric_limits<float>::infinity()));
    store_partial(y + i, e, n - i);
    total += simd::reduce_add(e);
  }
  return static_cast<float>(total);
}

}  // namespace canopy::kernels::simd
