// Initial values of parameters.
#pragma once

#include <cstdint>

#include <canopy/core/array.hpp>

namespace canopy::nn {

/// Uniform in +-1/sqrt(fan_in), from the stream "initialisation".
Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in);

/// Normal with mean 0, from the same stream.
Tensor normal(const Shape& shape, float deviation);

}  // namespace canopy::nn
