// Dropout (Srivastava et al. 2014) with inverted scaling.
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/random.hpp>

namespace canopy {

/// Each element of x becomes 0 with the given probability, else x / (1 - probability); the choices are the next numbers
/// of `stream`. Returns x itself, and takes no number, if the probability is 0. For training: leave the call out in
/// evaluation. Throws ConfigError unless 0 <= probability < 1.
Variable dropout(const Variable& x, float probability, RandomStream& stream);

}  // namespace canopy
