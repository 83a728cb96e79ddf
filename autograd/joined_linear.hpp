// Several linear maps of one input.
#pragma once

#include <span>

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// x W_0^T + b_0, x W_1^T + b_1, ... side by side: x is [..., inputs], each weight [outputs_i, inputs], each bias
/// [outputs_i] or undefined for none, the result [..., sum of the outputs]. One array, as `attention` takes queries,
/// keys and values, and one gradient of x, where `concatenate` would copy. Throws ShapeError where shapes do not fit,
/// and unless there are as many biases as weights, one at least.
Variable joined_linear(const Variable& x, std::span<const Variable> weights, std::span<const Variable> biases);

}  // namespace canopy
