// Differentiable sums, means and maxima, and argmax.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// Sum of all elements, a scalar; 0 if there are none.
Variable sum(const Variable& x);
/// Mean of all elements, a scalar; NaN if there are none.
Variable mean(const Variable& x);

/// Over one axis, which may be negative to count from the end. The axis disappears, or with `keep_axis` stays with
/// extent
/// 1. Throw ShapeError if there is no such axis.
Variable sum(const Variable& x, int axis, bool keep_axis = false);
Variable mean(const Variable& x, int axis, bool keep_axis = false);
/// The gradient goes to the first of equal maxima. Throws ShapeError if the axis has no elements.
Variable max(const Variable& x, int axis, bool keep_axis = false);

/// The first index along the last axis that holds the largest number; the result has the shape without that axis. Not
/// differentiable. Throws ShapeError if that axis is missing or has no elements.
Indices argmax(const Tensor& x);

}  // namespace canopy
