#pragma once

#include <canopy/autograd/variable.hpp>

/// x * sigmoid(x), elementwise.
canopy::Variable silu(const canopy::Variable& x);
/// silu(x + row), for x [rows, columns] and row [columns].
canopy::Tensor silu_of_shifted(const canopy::Tensor& x, const canopy::Tensor& row);
