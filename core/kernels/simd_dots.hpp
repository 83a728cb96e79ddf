// Dot products of rows in registers. Included by kernels' sources only.
//
// Every variant adds the same products in the same order, so that a row's result does not depend on the rows that were
// computed beside it.
#pragma once

#include <cstddef>
#include <cstdint>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels::simd {

// GCC 12 would read a register's worth of memory again for each of its uses; loads are what bounds these loops.
inline void keep_in_register([[maybe_unused]] Batch& value) {
#if defined(__GNUC__) && defined(__x86_64__)
  asm("" : "+v"(value.data));
#endif
}

/// The sum of the lanes, halves folded onto each other.
inline float sum_lanes(const Batch& v) {
#if defined(__AVX__)
#if defined(__AVX512F__)
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
#else
  const __m256 eight = v;
#endif
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
#else
  return simd::reduce_add(v);
#endif
}

/// out[i] = sum_lanes(v[i]): the same bits, four at a time in a third of the instructions.
template <std::size_t N>
inline __attribute__((always_inline)) void sum_lanes(const Batch (&v)[N], float* out) {
  std::size_t i = 0;
#if defined(__AVX__)
#pragma GCC unroll 8
  for (; i + 4 <= N; i += 4) {
    // Quarters of a, b, c, d: [a0 + a2, b0 + b2 | ...] for the longer registers, then halves, then within quarters.
#if defined(__AVX512F__)
    const auto fold = [](__m512 a, __m512 b) {
      return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
    };
    const __m512 ab = fold(v[i], v[i + 1]), cd = fold(v[i + 2], v[i + 3]);
    __m512 four = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
    four = _mm512_add_ps(four, _mm512_permute_ps(four, 0x4E));
    four = _mm512_add_ps(four, _mm512_permute_ps(four, 0xB1));
    _mm512_mask_compressstoreu_ps(out + i, 0x1111, four);
#else
    const auto fold = [](__m256 a, __m256 b) {
      return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31));
    };
    const __m256 ab = fold(v[i], v[i + 1]), cd = fold(v[i + 2], v[i + 3]);
    __m256 four = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xEE));
    four = _mm256_add_ps(four, _mm256_permute_ps(four, 0xB1));  // [a a c c | b b d d]
    const __m128 ac = _mm256_castps256_ps128(four), bd = _mm256_extractf128_ps(four, 1);
    _mm_storeu_ps(out + i, _mm_blend_ps(ac, bd, 0b1010));
#endif
  }
#endif
#pragma GCC unroll 8
  for (; i < N; ++i) out[i] = sum_lanes(v[i]);
}

/// Calls step(part, i, load) for each register of rows of n floats, that at i, part 0 for the even ones and 1 for the
/// odd; the last one is padded with zeros.
template <class Step>
inline __attribute__((always_inline)) void for_each_register(std::int64_t n, Step& step) {
  constexpr std::integral_constant<std::size_t, 0> even;
  constexpr std::integral_constant<std::size_t, 1> odd;
  std::int64_t i = 0;
  for (; i + 2 * width <= n; i += 2 * width) {
    step(even, i, [i](const float* row) { return load(row + i); });
    step(odd, i + width, [i](const float* row) { return load(row + i + width); });
  }
  if (i + width <= n) {
    step(even, i, [i](const float* row) { return load(row + i); });
    i += width;
    if (i < n) step(odd, i, [i, n](const float* row) { return load_partial(row + i, n - i); });
  } else if (i < n) {
    step(even, i, [i, n](const float* row) { return load_partial(row + i, n - i); });
  }
}

/// The products that `dots` can sum at a time, two registers each.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t most_dots = 14;  // of 32 registers
#else
inline constexpr std::size_t most_dots = 7;  // of 16 registers
#endif

/// out[r * N + j] = x[r] . w[j] for rows of n floats, each number of them read once; R * N <= most_dots. The rows
/// `ahead` are prefetched.
template <std::size_t R, std::size_t N>
void dots(const float* const* x, const float* const* w, std::int64_t n, float* out, const float* const* ahead) {
  // Even and odd registers are summed apart: one sum would wait for its own additions.
  Batch sum[2][R * N];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < R * N; ++i) sum[0][i] = sum[1][i] = Batch(0.f);
  // Pointers in locals: stores to `out` might change what x and w point to.
  const float* xs[R];
  const float* ws[N];
  const float* next[R];
#pragma GCC unroll 16
  for (std::size_t r = 0; r < R; ++r) {
    xs[r] = x[r];
    next[r] = ahead[r];
  }
#pragma GCC unroll 16
  for (std::size_t j = 0; j < N; ++j) ws[j] = w[j];
  const auto add = [&]<std::size_t part>(std::integral_constant<std::size_t, part>, [[maybe_unused]] std::int64_t i,
                                         auto load) __attribute__((always_inline)) {
    Batch xi[R];
#pragma GCC unroll 16
    for (std::size_t r = 0; r < R; ++r) {
      xi[r] = load(xs[r]);
      if (part == 0 || width == cache_line) __builtin_prefetch(next[r] + i);
      if (N > 1) keep_in_register(xi[r]);
    }
#pragma GCC unroll 16
    for (std::size_t j = 0; j < N; ++j) {
      Batch wi = load(ws[j]);
      if (R > 1) keep_in_register(wi);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < R; ++r) sum[part][r * N + j] = xsimd::fma(xi[r], wi, sum[part][r * N + j]);
    }
  };
  for_each_register(n, add);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < R * N; ++i) sum[0][i] += sum[1][i];
  sum_lanes(sum[0], out);
}

/// out[j] = x[j] . w[j], side by side.
template <std::size_t N>
void paired_dots(const float* const* x, const float* const* w, std::int64_t n, float* out) {
  Batch sum[2][N];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < N; ++i) sum[0][i] = sum[1][i] = Batch(0.f);
  const auto add = [&]<std::size_t part>(std::integral_constant<std::size_t, part>, [[maybe_unused]] std::int64_t i,
                                         auto load) __attribute__((always_inline)) {
#pragma GCC unroll 16
    for (std::size_t j = 0; j < N; ++j) sum[part][j] = xsimd::fma(load(x[j]), load(w[j]), sum[part][j]);
  };
  for_each_register(n, add);
#pragma GCC unroll 16
  for (std::size_t j = 0; j < N; ++j) sum[0][j] += sum[1][j];
  sum_lanes(sum[0], out);
}

}  // namespace canopy::kernels::simd
