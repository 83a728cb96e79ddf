// Numbers as files hold them: the half precisions, and whether a number survives a conversion.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace canopy {

/// IEEE half precision: sign, 5 bits of exponent (bias 15), 10 of mantissa.
struct Half {
  std::uint16_t bits;
  explicit operator float() const {
    const std::uint32_t exponent = (bits >> 10) & 31u, mantissa = bits & 1023u;
    const float magnitude =
        exponent == 0 ? static_cast<float>(mantissa) * 0x1p-24f
                      : std::bit_cast<float>((exponent == 31 ? 255u : exponent + 112u) << 23 | mantissa << 13);
    return bits >> 15 ? -magnitude : magnitude;
  }
};

/// The upper half of a float.
struct BrainFloat {
  std::uint16_t bits;
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

/// Whether a value lies within To's range; infinities and NaN are floats of any width.
template <class To, class From>
bool representable(From value) {
  if constexpr (std::is_same_v<From, double>) {
    return !std::isfinite(value) || std::isfinite(static_cast<To>(value));
  } else if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    return std::in_range<To>(value);
  } else {
    return true;
  }
}

/// Whether an integer is a float without being rounded.
template <class From>
requires std::is_integral_v<From>
bool exact_as_float(From value) {
  return static_cast<long double>(static_cast<float>(value)) == static_cast<long double>(value);
}

}  // namespace canopy
