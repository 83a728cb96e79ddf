#include <canopy/nn/initialise.hpp>

#include <cmath>

#include <canopy/core/random.hpp>

namespace canopy::nn {

Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in) {
  Tensor value(shape);
  const float bound = 1.f / std::sqrt(static_cast<float>(fan_in));
  random_stream("initialisation").fill_uniform(value.mutable_elements(), -bound, bound);
  return value;
}

}  // namespace canopy::nn
