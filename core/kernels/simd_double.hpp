// Registers of doubles beside those of floats, for what a float cannot hold on the way. Included by kernels' sources
// only.
#pragma once

#include <array>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels::simd {

using Doubles = xsimd::batch<double>;

/// The lower and the upper half of v's lanes.
inline std::array<Doubles, 2> widen(const Batch& v) {
#if defined(__AVX512F__)
  const __m256d upper = _mm512_extractf64x4_pd(_mm512_castps_pd(v), 1);
  return {_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(_mm256_castpd_ps(upper))};
#elif defined(__AVX__)
  return {_mm256_cvtps_pd(_mm256_castps256_ps128(v)), _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))};
#elif defined(__SSE2__)
  return {_mm_cvtps_pd(v), _mm_cvtps_pd(_mm_movehl_ps(v, v))};
#else
  alignas(64) float lanes[width];
  v.store_aligned(lanes);
  return {Doubles::load_unaligned(lanes), Doubles::load_unaligned(lanes + width / 2)};
#endif
}

/// The reverse, each lane rounded once.
inline Batch narrow(const std::array<Doubles, 2>& halves) {
#if defined(__AVX512F__)
  const __m512d lower = _mm512_castps_pd(_mm512_castps256_ps512(_mm512_cvtpd_ps(halves[0])));
  return _mm512_castpd_ps(_mm512_insertf64x4(lower, _mm256_castps_pd(_mm512_cvtpd_ps(halves[1])), 1));
#elif defined(__AVX__)
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(halves[0])), _mm256_cvtpd_ps(halves[1]), 1);
#elif defined(__SSE2__)
  return _mm_movelh_ps(_mm_cvtpd_ps(halves[0]), _mm_cvtpd_ps(halves[1]));
#else
  alignas(64) float lanes[width];
  halves[0].store_unaligned(lanes);
  halves[1].store_unaligned(lanes + width / 2);
  return Batch::load_aligned(lanes);
#endif
}

}  // namespace canopy::kernels::simd
