// Losses that are one number.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// The mean of (x - target)^2 over all elements: one number. Throws ShapeError unless both have the same shape with at
/// least one element.
Variable mean_squared_error(const Variable& x, const Variable& target);

}  // namespace canopy
