// Differentiable powers.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// x^exponent, element by element, with the special cases of std::pow: x^0 is 1 for every x, NaN for negative x and a
/// fractional exponent. The gradient is exponent x^(exponent - 1), and 0 for the exponent 0.
Variable pow(const Variable& x, float exponent);

/// base^exponent; shapes broadcast as in arithmetic. The gradient of the exponent is base^exponent log(base): NaN for a
/// negative base, and 0 where the base is 0 and the exponent is not negative (PyTorch's choice). Throws ShapeError.
Variable pow(const Variable& base, const Variable& exponent);
Variable pow(float base, const Variable& exponent);

}  // namespace canopy
