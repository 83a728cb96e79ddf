// One vector for each sequence.
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/sequences.hpp>

namespace canopy {

/// The mean over the valid rows of each sequence: x [rows, width] -> [sequences, width]; zeros where there is none.
/// Throws ShapeError unless x has as many rows as `sequences`.
Variable sequence_mean(const Variable& x, const Sequences& sequences);

}  // namespace canopy
