// Differentiable matrix products.
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/activation.hpp>

namespace canopy {

/// activation(x W^T + bias): x is [..., inputs] with one axis or more, weight [outputs, inputs], bias [outputs] or an
/// undefined Variable for none; the result is [..., outputs]. One operation on the tape: product, bias and activation
/// run together. Throws ShapeError.
Variable linear(const Variable& x, const Variable& weight, const Variable& bias = {},
                Activation activation = Activation::identity);

/// The product of the matrices a [m, k] and b [k, n]. Throws ShapeError.
Variable matmul(const Variable& a, const Variable& b);

}  // namespace canopy
