// Elementary functions in registers, where xsimd's are wrong near the ends of the range, inaccurate (pow) or do not
// compile without optimisation (log). Included by kernels' sources only. Errors are bounded, in units in the last place
// and over all floats, by tests/core/vectorised_functions.cpp; NaN in, NaN out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>

#include <canopy/core/kernels/simd.hpp>
#include <canopy/core/kernels/simd_double.hpp>

namespace canopy::kernels::simd {

using Integers = xsimd::as_integer_t<Batch>;

/// ln 2 in two floats, the first short enough for its products with exponents to be exact.
inline constexpr float ln2_high = 0x1.63p-1f, ln2_low = -0x1.bd0106p-13f;

/// x 2^k for integers k in [-252, 254], rounded once.
inline Batch scale_by_power(const Batch& x, const Batch& k) {
#ifdef __AVX512F__
  return _mm512_scalef_ps(x, k);
#else
  // Two factors, because 2^128 is no float though x 2^128 may be one.
  const Integers exponent = xsimd::to_int(k);
  const Integers half = exponent >> 1;
  const auto power = [](const Integers& i) { return simd::bitwise_cast<Batch>((i + 127) << 23); };
  return x * power(half) * power(exponent - half);
#endif
}

/// c0 + c1 x + c2 x^2 + ...
template <class B, class C>
inline B polynomial(const B&, C c0) {
  return B(c0);
}
template <class B, class C, class... Rest>
inline B polynomial(const B& x, C c0, Rest... rest) {
  return xsimd::fma(polynomial(x, rest...), x, B(c0));
}

/// x = k ln 2 + r with an integer k and |r| <= ln 2 / 2, for x in [-104, 89].
struct ReducedExponent {
  Batch k;
  Batch r;

  explicit ReducedExponent(const Batch& x)
      : k(xsimd::nearbyint(Batch(std::numbers::log2e_v<float>) * x)),
        r(xsimd::fnma(k, Batch(ln2_low), xsimd::fnma(k, Batch(ln2_high), x))) {}
};

/// Beyond [-104, 89] as there, where e^x is 0 or infinite. In this order NaN goes through.
inline Batch bounded_exponent(const Batch& x) { return xsimd::min(Batch(89.f), xsimd::max(Batch(-104.f), x)); }

/// e^r for |r| <= ln 2 / 2. The minimax polynomial is that of Boost.SIMD and xsimd, and so are its bits.
inline Batch reduced_exp(const Batch& r) {
  return xsimd::fma(polynomial(r, 0.5f, 0x1.55534ap-3f, 0x1.5552aep-5f, 0x1.131b16p-7f, 0x1.6ef19ep-10f), r * r, r) +
         1.f;
}

/// e^x; finite up to 88.7228, where xsimd's is infinite from 88.38 on, and otherwise of the same bits.
inline Batch exp(const Batch& x) {
#ifdef __AVX512F__
  const ReducedExponent reduced(bounded_exponent(x));
  return scale_by_power(reduced_exp(reduced.r), reduced.k);
#else
  // k is added to the exponent of e^r. What is no normal number becomes 0 or infinite.
  const ReducedExponent reduced(x);
  const auto bits = simd::bitwise_cast<Integers>(reduced_exp(reduced.r)) + (xsimd::to_int(reduced.k) << 23);
  const Batch y = xsimd::select(x < Batch(-0x1.5d589ep+6f), Batch(0.f), simd::bitwise_cast<Batch>(bits));
  return xsimd::select(x > Batch(0x1.62e42ep+6f), Batch(std::numeric_limits<float>::infinity()), y);
#endif
}

/// e^x - 1 = 2 (2^(k-1) (e^r - 1) + 2^(k-1) - 1/2): no cancellation near 0, no overflow before the result's. Taylor's
/// series for e^r - 1.
inline Batch expm1(const Batch& x) {
  const ReducedExponent reduced(bounded_exponent(x));
  const Batch& r = reduced.r;
  const Batch series = polynomial(r, 0.5f, 1.f / 6, 1.f / 24, 1.f / 120, 1.f / 720, 1.f / 5040, 1.f / 40320);
  const Batch half_power = scale_by_power(Batch(0.5f), reduced.k);
  const Batch y = 2.f * xsimd::fma(half_power, xsimd::fma(series, r * r, r), half_power - 0.5f);
  return xsimd::select(x == Batch(0.f), x, y);  // keeps the sign of 0
}

/// |x| = 2^exponent mantissa with a mantissa in [sqrt(1/2), sqrt(2)); for x neither 0 nor infinite.
struct Decomposed {
  Batch exponent;
  Batch mantissa;

  explicit Decomposed(const Batch& x) {
    constexpr std::int32_t one = 0x3f800000, sqrt_half = 0x3f3504f3;  // the floats' bits
    Batch normal = xsimd::abs(x), scaled(0.f);
    if (const auto subnormal = normal < Batch(std::numeric_limits<float>::min()); xsimd::any(subnormal)) {
      normal = xsimd::select(subnormal, normal * 0x1p23f, normal);
      scaled = xsimd::select(subnormal, Batch(23.f), scaled);
    }
    const Integers bits = simd::bitwise_cast<Integers>(normal) + (one - sqrt_half);
    exponent = xsimd::to_float((bits >> 23) - 127) - scaled;
    mantissa = simd::bitwise_cast<Batch>((bits & 0x007fffff) + sqrt_half);
  }
};

/// The natural logarithm; -infinity at 0, NaN below. FreeBSD's logf: with f = mantissa - 1 and s = f / (2 + f),
/// log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + R(s^2)).
inline Batch log(const Batch& x) {
  const Decomposed d(x);
  const Batch f = d.mantissa - 1.f;
  const Batch s = f / (2.f + f);
  const Batch z = s * s, w = z * z;
  const Batch odd = w * xsimd::fma(w, Batch(0x1.f13c4cp-3f), Batch(0x1.999c26p-2f));
  const Batch even = z * xsimd::fma(w, Batch(0x1.23d3dcp-2f), Batch(0x1.555554p-1f));
  const Batch half_square = 0.5f * f * f;
  const Batch low = xsimd::fma(s, half_square + (even + odd), d.exponent * ln2_low);
  const Batch y = xsimd::fma(d.exponent, Batch(ln2_high), low - half_square + f);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const Batch finite = xsimd::select(x == Batch(infinity), x, xsimd::select(x == Batch(0.f), Batch(-infinity), y));
  return xsimd::select(x >= Batch(0.f), finite, Batch(std::numeric_limits<float>::quiet_NaN()));
}

/// log(1 + x); xsimd's loses the sign of 0.
inline Batch log1p(const Batch& x) { return xsimd::select(x == Batch(0.f), x, xsimd::log1p(x)); }

/// 2^(y log2 |x|) in double: 1/2 unit in the last place of the float. Both logarithm and exponential are plain series,
/// 2 atanh(s) = log m with s = (m - 1) / (m + 1), |s| < 0.172, and e^f with |f| <= ln 2 / 2.
inline Batch power_of_magnitude(const Batch& x, const Batch& y) {
  const Decomposed d(x);
  const auto exponents = widen(d.exponent), mantissas = widen(d.mantissa), factors = widen(y);
  std::array<Doubles, 2> fractions, integers;
  for (std::size_t i = 0; i < 2; ++i) {
    const Doubles s = (mantissas[i] - 1.) / (mantissas[i] + 1.);
    const Doubles z = s * s;
    const Doubles series = polynomial(z, 1., 1. / 3, 1. / 5, 1. / 7, 1. / 9, 1. / 11, 1. / 13, 1. / 15);
    const Doubles log2 = xsimd::fma(2. * std::numbers::log2e * s, series, exponents[i]);
    const Doubles t = xsimd::min(Doubles(250.), xsimd::max(Doubles(-250.), factors[i] * log2));
    integers[i] = xsimd::nearbyint(t);
    const Doubles f = (t - integers[i]) * std::numbers::ln2;
    fractions[i] =
        polynomial(f, 1., 1., 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320, 1. / 362880);
  }
  return scale_by_power(narrow(fractions), narrow(integers));
}

/// x^y with the special cases of the C standard: 1 for y = 0 and for x = 1 whatever the other, even NaN; NaN for
/// negative x and fractional y; at 0 and at the infinities the limit, with the sign of x for odd y.
inline Batch pow(const Batch& x, const Batch& y) {
  const Batch infinity(std::numeric_limits<float>::infinity()), nan(std::numeric_limits<float>::quiet_NaN());
  const Batch zero(0.f), one(1.f), magnitude = xsimd::abs(x);
  const auto is_integer = xsimd::trunc(y) == y;
  const auto is_odd = is_integer & (xsimd::trunc(0.5f * y) != 0.5f * y);
  const auto at_the_limit = (magnitude == zero) | (magnitude == infinity) | (xsimd::abs(y) == infinity);
  const auto grows = (magnitude > one) == (y > zero);
  const Batch limit = xsimd::select(magnitude == one, one, xsimd::select(grows, infinity, zero));
  Batch result = xsimd::select(at_the_limit, limit, power_of_magnitude(x, y));
  result = xsimd::select(is_odd, result | xsimd::bitofsign(x), result);
  const auto imaginary = (x < zero) & (magnitude < infinity) & !is_integer;
  result = xsimd::select(imaginary | xsimd::isnan(x) | xsimd::isnan(y), nan, result);
  return xsimd::select((x == one) | (y == zero), one, result);
}

}  // namespace canopy::kernels::simd
