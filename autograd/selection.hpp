// Differentiable choices between numbers, element by element. Shapes broadcast as in arithmetic; the gradients at ties
// and bounds are PyTorch's.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// a where `condition` is not 0, else b; all three broadcast to one shape. Only what was chosen gets a gradient, so
/// that a NaN or an infinity on the other side stays there. Throws ShapeError naming two shapes that do not broadcast.
Variable where(const Tensor& condition, const Variable& a, const Variable& b);

/// The larger one; NaN where either is NaN. Equal numbers get half of the gradient each. Throws ShapeError.
Variable maximum(const Variable& a, const Variable& b);
/// The smaller one, likewise.
Variable minimum(const Variable& a, const Variable& b);

/// x, but at least `low` and at most `high`; infinite bounds leave a side open. The gradient is that of x between the
/// bounds and on them, else 0. NaN stays NaN. Throws ConfigError unless low <= high.
Variable clamp(const Variable& x, float low, float high);

}  // namespace canopy
