#include <canopy/datasets/compose.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::detail {

void throw_index(const char* dataset, std::int64_t index, std::int64_t size) {
  throw ShapeError(fmt::format("{}: expected an index from 0 and below {}, found {}", dataset, size, index));
}

void throw_unlike_samples(const Shape& a, const Shape& b) {
  throw ShapeError(
      fmt::format("concatenation: expected samples of one shape, found {} and {}", a.to_string(), b.to_string()));
}

}  // namespace canopy::detail
