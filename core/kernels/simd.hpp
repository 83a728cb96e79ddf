// Loops over contiguous floats in SIMD registers. Included by kernels' sources only: no xsimd type in a compiled
// signature.
//
// The last, partial register is computed by the same instructions on a padded copy, so that an element's bits do not
// depend on where a loop was cut.
#pragma once

#include <algorithm>
#include <cstdint>

#include <canopy/core/threads.hpp>

// GCC 12 takes the deliberately undefined registers of its own AVX-512 header for mistakes (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

namespace canopy::kernels::simd {

using Batch = xsimd::batch<float>;
inline constexpr std::int64_t width = static_cast<std::int64_t>(Batch::size);
/// Elements a thread must have to be worth waking: a multiple of every SIMD width.
inline constexpr std::int64_t grain = 1 << 15;

inline Batch load(const float* p) { return Batch::load_unaligned(p); }
inline void store(float* p, const Batch& v) { v.store_unaligned(p); }

/// The first `count` floats at p, followed by `fill`.
inline Batch load_partial(const float* p, std::int64_t count, float fill = 0.f) {
  alignas(64) float padded[width];
  std::fill(std::copy_n(p, count, padded), padded + width, fill);
  return Batch::load_aligned(padded);
}
inline void store_partial(float* p, const Batch& v, std::int64_t count) {
  alignas(64) float padded[width];
  v.store_aligned(padded);
  std::copy_n(padded, count, p);
}

/// out[i] = f(in[i]...) on this thread.
template <class F, class... In>
void map_serial(std::int64_t begin, std::int64_t end, float* out, F f, const In*... in) {
  std::int64_t i = begin;
  for (; i + width <= end; i += width) store(out + i, f(load(in + i)...));
  if (i < end) store_partial(out + i, f(load_partial(in + i, end - i, 1.f)...), end - i);
}

/// out[i] = f(in[i]...) on all threads. `f` takes and returns registers.
template <class F, class... In>
void map(std::int64_t n, float* out, F f, const In*... in) {
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) { map_serial(begin, end, out, f, in...); });
}

}  // namespace canopy::kernels::simd
