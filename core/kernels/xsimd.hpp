// The gateway to xsimd, versions 8.1 to 13: what it renamed on the way has one name here. Included by kernels' sources
// only. cmake/check-versions.sh builds and tests each version.
#pragma once

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

/// The sum of the lanes.
template <class B>
inline auto reduce_add(const B& v) {
#if XSIMD_VERSION_MAJOR >= 9
  return xsimd::reduce_add(v);
#else
  return xsimd::hadd(v);
#endif
}

/// The bits of v as a register of type To.
template <class To, class B>
inline To bitwise_cast(const B& v) {
#if XSIMD_VERSION_MAJOR >= 11
  return xsimd::bitwise_cast<typename To::value_type>(v);
#else
  return xsimd::bitwise_cast<To>(v);
#endif
}

}  // namespace canopy::kernels::simd
