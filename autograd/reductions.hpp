// Differentiable sums, means and maxima, and argmax.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// Sum of all elements, a scalar; 0 if there are none.
Variable sum(const Variable& x);
/// Mean of all elements, a scalar; NaN if there are none.
Variable mean(const Variable& x);

/// What becomes of the axis that was reduced: `mean(x, -1, ReducedAxis::keep)` broadcasts against x.
enum class ReducedAxis {
  drop,  ///< it disappears
  keep   ///< it stays with extent 1
};

/// Over one axis, which may be negative to count from the end. Throw ShapeError if there is no such axis.
Variable sum(const Variable& x, int axis, ReducedAxis reduced = ReducedAxis::drop);
Variable mean(const Variable& x, int axis, ReducedAxis reduced = ReducedAxis::drop);
/// The gradient goes to the first of equal maxima. Throws ShapeError if the axis has no elements.
Variable max(const Variable& x, int axis, ReducedAxis reduced = ReducedAxis::drop);

/// The first index along the last axis that holds the largest number; the result has the shape without that axis. Not
/// differentiable. Throws ShapeError if that axis is missing or has no elements.
Indices argmax(const Tensor& x);

}  // namespace canopy
