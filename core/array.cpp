#include <canopy/core/array.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::detail {

void throw_size_mismatch(const char* what, const Shape& shape, std::int64_t size) {
  throw ShapeError(fmt::format("{}: the shape {} has {} where {} needed", what, shape.to_string(),
                               shape.size() == 1 ? "1 element" : fmt::format("{} elements", shape.size()),
                               size == 1 ? "1 is" : fmt::format("{} are", size)));
}

std::size_t checked_bytes(std::int64_t size, std::size_t bytes_each) {
  std::ptrdiff_t bytes = 0;
  if (__builtin_mul_overflow(size, bytes_each, &bytes)) {
    throw ShapeError(fmt::format("an array of {} elements of {} bytes is larger than memory", size, bytes_each));
  }
  return static_cast<std::size_t>(bytes);
}

}  // namespace canopy::detail
