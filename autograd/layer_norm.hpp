// Layer normalisation.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// weight * (x - mean) / sqrt(variance + eps) + bias, with mean and biased variance over the last axis (Ba et al.
/// 2016); x [..., width], weight, bias [width]; an undefined bias is none. Throws ShapeError if they do not fit.
Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, float eps = 1e-5f);

}  // namespace canopy
