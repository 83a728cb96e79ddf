// Differentiable arithmetic. Shapes broadcast as in NumPy, and gradients are summed back to the operands' shapes;
// shapes that do not broadcast throw a ShapeError that names both.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

Variable operator+(const Variable& a, const Variable& b);
Variable operator-(const Variable& a, const Variable& b);
Variable operator*(const Variable& a, const Variable& b);
Variable operator/(const Variable& a, const Variable& b);

Variable operator+(const Variable& a, float b);
Variable operator-(const Variable& a, float b);
Variable operator*(const Variable& a, float b);
Variable operator/(const Variable& a, float b);
Variable operator+(float a, const Variable& b);
Variable operator-(float a, const Variable& b);
Variable operator*(float a, const Variable& b);
Variable operator/(float a, const Variable& b);

Variable operator-(const Variable& x);

Variable exp(const Variable& x);
Variable expm1(const Variable& x);  ///< e^x - 1, accurate near 0
Variable log(const Variable& x);    ///< natural; NaN below 0
Variable log1p(const Variable& x);  ///< log(1 + x), accurate near 0; -infinity at -1, NaN below
Variable sqrt(const Variable& x);   ///< NaN below 0; the slope at 0 is infinite
Variable square(const Variable& x);
Variable abs(const Variable& x);  ///< the slope at 0 is 0

/// `x` repeated along the axes where it has extent 1 or none and `shape` more; returns x itself if there are none. `x`
/// must broadcast to `shape`.
Tensor broadcast_to(const Tensor& x, const Shape& shape);

/// The reverse, for gradients: sums `x` over the axes that broadcasting stretched or added, so that a gradient fits an
/// operand of `shape`. Returns x itself if there are none.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace canopy
