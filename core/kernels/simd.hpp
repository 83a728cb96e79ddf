// Loops over contiguous floats in SIMD registers. Included by kernels' sources only: no xsimd type in a compiled
// signature.
//
// The last, partial register is computed by the same instructions on a padded copy, so that an element's bits do not
// depend on where a loop was cut.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <canopy/core/kernels/xsimd.hpp>
#include <canopy/core/threads.hpp>

namespace canopy::kernels::simd {

using Batch = xsimd::batch<float>;
inline constexpr std::int64_t width = static_cast<std::int64_t>(Batch::size);
inline constexpr std::int64_t cache_line = 16;  ///< floats
/// Elements a thread must have to be worth waking: a multiple of every SIMD width.
inline constexpr std::int64_t grain = 1 << 15;
/// The same where each element costs an exponential or more.
inline constexpr std::int64_t slow_grain = 1 << 14;

inline Batch load(const float* p) { return Batch::load_unaligned(p); }
inline void store(float* p, const Batch& v) { v.store_unaligned(p); }
/// Past the caches, for what will not be read soon: the memory behind p is not fetched first. p is aligned to a
/// register.
inline void stream(float* p, const Batch& v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, v);
#elif defined(__AVX__)
  _mm256_stream_ps(p, v);
#else
  v.store_aligned(p);
#endif
}

#if defined(__AVX__) && !defined(__AVX512F__)
/// All bits of the first `count` lanes.
inline __m256i lanes_mask(std::int64_t count) {
  const __m256 lane = _mm256_setr_ps(0.f, 1.f, 2.f, 3.f, 4.f, 5.f, 6.f, 7.f);
  return _mm256_castps_si256(_mm256_cmp_ps(lane, _mm256_set1_ps(static_cast<float>(count)), _CMP_LT_OQ));
}
#endif

/// The first `count` floats at p, followed by `fill`; 0 <= count <= width.
inline Batch load_partial(const float* p, std::int64_t count, float fill = 0.f) {
#if defined(__AVX512F__)
  return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), static_cast<__mmask16>((1u << count) - 1u), p);
#elif defined(__AVX__)
  const __m256i mask = lanes_mask(count);
  return _mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
#else
  alignas(64) float padded[width];
  std::fill(std::copy_n(p, count, padded), padded + width, fill);
  return Batch::load_aligned(padded);
#endif
}
inline void store_partial(float* p, const Batch& v, std::int64_t count) {
#ifdef __AVX512F__
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << count) - 1u), v);
#else
  alignas(64) float padded[width];
  v.store_aligned(padded);
  std::copy_n(padded, count, p);
#endif
}
/// The first `count` lanes of v, followed by zeros.
inline Batch first_lanes(const Batch& v, std::int64_t count) {
#ifdef __AVX512F__
  return _mm512_maskz_mov_ps(static_cast<__mmask16>((1u << count) - 1u), v);
#else
  alignas(64) float padded[width] = {};
  store_partial(padded, v, count);
  return Batch::load_aligned(padded);
#endif
}

/// The largest lane; if one is NaN, an unspecified lane.
inline float largest_lane(const Batch& v) {
#ifdef __AVX512F__
  return _mm512_reduce_max_ps(v);
#else
  alignas(64) float lane[width];
  v.store_aligned(lane);
  return *std::max_element(lane, lane + width);
#endif
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

/// The same for an `f` that takes an exponential's time.
template <class F, class... In>
void map_slow(std::int64_t n, float* out, F f, const In*... in) {
  parallel_for(n, slow_grain, [&](std::int64_t begin, std::int64_t end) { map_serial(begin, end, out, f, in...); });
}

/// Sum of f(in[i]...) on this thread, each term in double: where lanes of floats overflow on the way.
template <class F, class... In>
[[gnu::noinline]] double sum_in_double(std::int64_t begin, std::int64_t end, F f, const In*... in) {
  double total = 0;
  for (std::int64_t i = begin; i < end; i += width) {
    const std::int64_t count = std::min(width, end - i);
    alignas(64) float lanes[width];
    store(lanes, f(load_partial(in + i, count, 1.f)...));
    total = std::accumulate(lanes, lanes + count, total);
  }
  return total;
}

/// Sum of f(in[i]...) on this thread. Float lanes take at most 64 terms each before they are gathered in double, so
/// that a long sum keeps its small terms; a sum whose terms are finite is finite.
template <class F, class... In>
double sum_serial(std::int64_t begin, std::int64_t end, F f, const In*... in) {
  constexpr std::int64_t step = 4 * width;
  double total = 0;
  std::int64_t i = begin;
  while (i + step <= end) {
    const std::int64_t stop = std::min(end, i + 64 * step);
    Batch a(0.f), b(0.f), c(0.f), d(0.f);
    for (; i + step <= stop; i += step) {
      a += f(load(in + i)...);
      b += f(load(in + i + width)...);
      c += f(load(in + i + 2 * width)...);
      d += f(load(in + i + 3 * width)...);
    }
    total += simd::reduce_add((a + b) + (c + d));
  }
  if (i < end) {
    Batch rest(0.f);
    for (; i + width <= end; i += width) rest += f(load(in + i)...);
    if (i < end) rest += first_lanes(f(load_partial(in + i, end - i, 1.f)...), end - i);
    total += simd::reduce_add(rest);
  }
  return std::isfinite(total) ? total : sum_in_double(begin, end, f, in...);
}

/// Sum of block_sum(begin, end) on all threads, over blocks of `grain` whatever their number.
template <class BlockSum>
double sum_blocks(std::int64_t n, BlockSum block_sum) {
  if (n <= grain) return block_sum(std::int64_t{0}, n);
  const std::int64_t blocks = (n - 1) / grain + 1;
  std::vector<double> partial(static_cast<std::size_t>(blocks));
  parallel_for(blocks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      partial[static_cast<std::size_t>(block)] = block_sum(block * grain, std::min(n, (block + 1) * grain));
    }
  });
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

/// Sum of f(in[i]...) on all threads.
template <class F, class... In>
double sum(std::int64_t n, F f, const In*... in) {
  return sum_blocks(n, [&](std::int64_t begin, std::int64_t end) { return sum_serial(begin, end, f, in...); });
}

/// p itself. GCC would otherwise keep an index register for each of a strip's loads, and spill them.
inline const float* one_pointer(const float* p) {
#if defined(__GNUC__)
  asm("" : "+r"(p));
#endif
  return p;
}

/// How many items of `size` elements make a grain of `elements`, at least one.
inline std::int64_t items_per_grain(std::int64_t size, std::int64_t elements = grain) {
  return std::max<std::int64_t>(1, elements / std::max<std::int64_t>(1, size));
}

}  // namespace canopy::kernels::simd
