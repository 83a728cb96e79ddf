// Parameters to check operations with.
#pragma once

#include <string>
#include <utility>

#include <canopy/autograd/variable.hpp>
#include <canopy/core/random.hpp>

namespace canopy::test {

/// Standard normal values that depend on shape and name alone.
inline Variable parameter(const Shape& shape, std::string name) {
  Tensor value(shape);
  RandomStream(static_cast<std::uint64_t>(shape.size()), name).fill_normal(value.mutable_elements(), 0.f, 1.f);
  return Variable::parameter(value, std::move(name));
}

}  // namespace canopy::test
