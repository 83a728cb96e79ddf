// Shapes that broadcast, and where elements then come from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/random_case.hpp"

namespace canopy::test {

/// Where the elements of `shape` come from in an array that broadcasts to it.
inline std::vector<std::size_t> sources(const Shape& from, const Shape& shape) {
  std::vector<std::size_t> result;
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    std::int64_t rest = i, index = 0, stride = 1;
    for (int axis = shape.rank() - 1, own = from.rank() - 1; own >= 0; --axis, --own) {
      index += from[own] == 1 ? 0 : rest % shape[axis] * stride;
      stride *= from[own];
      rest /= shape[axis];
    }
    result.push_back(static_cast<std::size_t>(index));
  }
  return result;
}

/// A shape that broadcasts to `shape`: leading axes may be missing, any may be 1.
inline Shape broadcasting(RandomCase& each, const char* name, const Shape& shape) {
  const auto missing = static_cast<int>(each.between("missing axes", 0, shape.rank()));
  std::vector<std::int64_t> extents;
  for (int axis = missing; axis < shape.rank(); ++axis) {
    extents.push_back(each.between(name, 0, 2) == 0 ? 1 : shape[axis]);
  }
  return Shape(extents);
}

}  // namespace canopy::test
