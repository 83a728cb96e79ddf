#include <canopy/core/array.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::detail {

void throw_size_mismatch(const Shape& shape, std::int64_t size) {
  throw ShapeError(
      fmt::format("the shape {} has {} elements where {} are needed", shape.to_string(), shape.size(), size));
}

}  // namespace canopy::detail
