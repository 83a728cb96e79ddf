// Arrays that tests fill the same way.
#pragma once

#include <string_view>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>

namespace canopy::test {

/// Standard normal numbers, the same for the same shape and purpose.
inline Tensor normal(const Shape& shape, std::string_view purpose = "x") {
  Tensor x(shape);
  RandomStream(0, purpose).fill_normal(x.mutable_elements(), 0.f, 1.f);
  return x;
}

}  // namespace canopy::test
