// The extents of an array, known at run time and stored inline.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace canopy {

/// Extents of a row-major array, outermost first, at most `max_rank` of them. Rank 0 is a scalar: one element.
class Shape {
 public:
  static constexpr int max_rank = 6;

  Shape() = default;
  /// Throws ShapeError for a negative extent, more than max_rank extents, or if the product of the extents that are
  /// not 0 is more than an int64 counts.
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  /// Number of elements: the product of the extents.
  std::int64_t size() const { return size_; }
  /// Extent of an axis; negative axes count from the end. Throws ShapeError if there is no such axis.
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(checked_axis(axis))]; }
  /// `axis` made non-negative. Throws ShapeError if there is no such axis.
  int checked_axis(int axis) const;

  const std::int64_t* begin() const { return extents_.data(); }
  const std::int64_t* end() const { return extents_.data() + rank_; }

  /// This shape with the extent of one axis replaced.
  Shape with(int axis, std::int64_t extent) const;
  /// This shape without one axis.
  Shape without(int axis) const;

  bool operator==(const Shape& other) const;
  /// As "[2, 3]".
  std::string to_string() const;

 private:
  std::array<std::int64_t, max_rank> extents_{};
  std::int64_t size_ = 1;
  int rank_ = 0;
};

/// The shape of `a op b` under NumPy's broadcasting rules. Throws ShapeError naming `operation` and both shapes.
Shape broadcast(const Shape& a, const Shape& b, const char* operation);

}  // namespace canopy
