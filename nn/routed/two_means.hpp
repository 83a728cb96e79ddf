// The two clusters of some rows: where a node of a tree is to cut.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>

namespace canopy::nn {

/// One row of `samples` [n, inputs].
std::span<const float> row_of(const Tensor& samples, std::int64_t row);

/// The hyperplane half-way between two points.
struct Bisector {
  std::vector<float> middle;
  /// From the first point to the second, its largest component in [1/2, 1), so that a product with it does not
  /// underflow; all zeros where the points are one.
  std::vector<float> normal;

  Bisector(std::span<const float> first, std::span<const float> second);
  bool exists() const;
  /// (x - middle) . normal: how far x [inputs] is on the second point's side.
  double height(std::span<const float> x) const;
};

/// Between the centroids of 2-means over the given rows of `samples` [n, inputs], started from two rows at random;
/// where these are equal, the second is the farthest from the first. It exists where two rows are distinct.
Bisector two_means(const Tensor& samples, std::span<const std::int64_t> rows, int iterations, RandomStream& random);

}  // namespace canopy::nn
