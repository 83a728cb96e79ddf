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

Tensor normal(const Shape& shape, float deviation) {
  Tensor value(shape);
  random_stream("initialisation").fill_normal(value.mutable_elements(), 0.f, deviation);
  return value;
}

}  // namespace canopy::nn
