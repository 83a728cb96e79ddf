// Powers of contiguous arrays of n floats, with the special cases of the C standard's pow: 1 for any base with the
// exponent 0, NaN for negative bases with fractional exponents, and so on. Half a unit in the last place. Outputs may
// be inputs; other overlap is not allowed.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// out = base^exponent, one exponent for all or each its own.
void power(const float* base, float exponent, float* out, std::int64_t n);
void power(const float* base, const float* exponent, float* out, std::int64_t n);

/// dbase = exponent base^(exponent - 1) dy; 0 where the exponent is 0.
void power_backward(const float* base, float exponent, const float* dy, float* dbase, std::int64_t n);
void power_backward(const float* base, const float* exponent, const float* dy, float* dbase, std::int64_t n);

/// dexponent = y log(base) dy with y = base^exponent; 0 where the base is 0 and the exponent is not negative.
void power_exponent_backward(const float* base, const float* exponent, const float* y, const float* dy,
                             float* dexponent, std::int64_t n);

}  // namespace canopy::kernels
