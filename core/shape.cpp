#include <canopy/core/shape.hpp>

#include <algorithm>

#include <canopy/core/error.hpp>

#include <fmt/ranges.h>

namespace canopy {

Shape::Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) {
  if (extents.size() > max_rank) {
    throw ShapeError(fmt::format("a shape has at most {} axes, not {}", max_rank, extents.size()));
  }
  std::int64_t countable = 1;
  for (const std::int64_t extent : extents) {
    if (extent < 0) throw ShapeError(fmt::format("a negative extent in the shape [{}]", fmt::join(extents, ", ")));
    // Zeros are left out, so that the product of any of the extents can be counted too.
    if (extent != 0 && __builtin_mul_overflow(countable, extent, &countable)) {
      throw ShapeError(fmt::format("the shape [{}] has more elements than can be counted", fmt::join(extents, ", ")));
    }
    extents_[static_cast<std::size_t>(rank_++)] = extent;
    size_ *= extent;
  }
}

int Shape::checked_axis(int axis) const {
  const int positive = axis < 0 ? axis + rank_ : axis;
  if (positive < 0 || positive >= rank_) {
    throw ShapeError(fmt::format("axis {} of the shape {}, which has {} axes", axis, to_string(), rank_));
  }
  return positive;
}

Shape Shape::with(int axis, std::int64_t extent) const {
  auto extents = extents_;
  extents[static_cast<std::size_t>(checked_axis(axis))] = extent;
  return Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(rank_)));
}

Shape Shape::without(int axis) const {
  auto extents = extents_;
  const auto gap = extents.begin() + checked_axis(axis);
  std::copy(gap + 1, extents.begin() + rank_, gap);
  return Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(rank_ - 1)));
}

bool Shape::operator==(const Shape& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(begin(), end(), ", ")); }

Shape broadcast(const Shape& a, const Shape& b, const char* operation) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<std::int64_t, Shape::max_rank> extents{};
  for (int axis = 1; axis <= rank; ++axis) {
    const std::int64_t m = axis <= a.rank() ? a[-axis] : 1;
    const std::int64_t n = axis <= b.rank() ? b[-axis] : 1;
    if (m != n && m != 1 && n != 1) {
      throw ShapeError(fmt::format("{}: the shapes {} and {} do not broadcast (axis {} from the end: {} against {})",
                                   operation, a.to_string(), b.to_string(), axis, m, n));
    }
    extents[static_cast<std::size_t>(rank - axis)] = m == 1 ? n : m;
  }
  return Shape(std::span<const std::int64_t>(extents.data(), static_cast<std::size_t>(rank)));
}

}  // namespace canopy
