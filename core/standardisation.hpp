// Columns of numbers brought to one scale.
#pragma once

#include <cstdint>

#include <canopy/core/array.hpp>

namespace canopy {

/// A map of columns, y = (x - offset) * scale: with a training set's means and 1 / deviations, every column has mean 0
/// and deviation 1.
struct Standardisation {
  Tensor offset = {};  ///< [columns]; no elements: 0
  Tensor scale = {};   ///< [columns] or one element for all columns; no elements: 1

  bool identity() const { return offset.empty() && scale.empty(); }
  float offset_of(std::int64_t column) const { return offset.empty() ? 0.f : offset.data()[column]; }
  float scale_of(std::int64_t column) const {
    return scale.empty() ? 1.f : scale.data()[scale.size() == 1 ? 0 : column];
  }

  /// Throws ShapeError where `offset` or `scale` do not fit that many columns.
  void check(std::int64_t columns) const;
  /// y of x [..., columns], or of any shape for one column. Throws ShapeError.
  Tensor apply(const Tensor& x) const;
  /// x of y: what a model that was trained on standardised targets answers, in the targets' own unit.
  Tensor invert(const Tensor& y) const;
};

/// One that does the work of `first`, then of `second`, on so many columns.
Standardisation compose(const Standardisation& first, const Standardisation& second, std::int64_t columns);

}  // namespace canopy
