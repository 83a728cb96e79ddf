#include <canopy/nn/routed/two_means.hpp>

#include <algorithm>
#include <cmath>
#include <random>

#include <canopy/core/kernels/reductions.hpp>

namespace canopy::nn {
namespace {

// The power of two that brings the largest magnitude of x to [1/2, 1).
int exponent_of_largest(std::span<const float> x) {
  float largest = 0;
  for (const float v : x) largest = std::max(largest, std::abs(v));
  int exponent = 0;
  std::frexp(largest, &exponent);
  return exponent;
}

std::int64_t farthest(const Tensor& samples, std::span<const std::int64_t> rows, std::int64_t from) {
  const auto distance = [&](std::int64_t row) {
    double sum = 0;
    for (std::int64_t k = 0; k < samples.extent(1); ++k) {
      const double difference = row_of(samples, row)[k] - row_of(samples, from)[k];
      sum += difference * difference;
    }
    return sum;
  };
  return *std::ranges::max_element(rows, {}, distance);
}

}  // namespace

std::span<const float> row_of(const Tensor& samples, std::int64_t row) {
  return samples.elements().subspan(static_cast<std::size_t>(row * samples.extent(1)),
                                    static_cast<std::size_t>(samples.extent(1)));
}

Bisector::Bisector(std::span<const float> first, std::span<const float> second)
    : middle(first.size()), normal(first.size()) {
  for (std::size_t k = 0; k < normal.size(); ++k) {
    middle[k] = first[k] / 2 + second[k] / 2;
    normal[k] = second[k] - first[k];
  }
  const int exponent = exponent_of_largest(normal);
  for (float& v : normal) v = std::ldexp(v, -exponent);
}

bool Bisector::exists() const {
  return std::ranges::any_of(normal, [](float v) { return v != 0; });
}

double Bisector::height(std::span<const float> x) const {
  return kernels::dot_from(middle.data(), x.data(), normal.data(), std::ssize(normal));
}

Bisector two_means(const Tensor& samples, std::span<const std::int64_t> rows, int iterations, RandomStream& random) {
  std::uniform_int_distribution<std::size_t> any(0, rows.size() - 1);
  const std::int64_t first = rows[any(random)];
  std::int64_t second = rows[any(random)];
  if (std::ranges::equal(row_of(samples, first), row_of(samples, second))) second = farthest(samples, rows, first);
  Bisector bisector(row_of(samples, first), row_of(samples, second));
  const auto inputs = bisector.normal.size();
  for (int iteration = 0; iteration < iterations && bisector.exists(); ++iteration) {
    std::vector<double> sums[2] = {std::vector<double>(inputs), std::vector<double>(inputs)};
    double counts[2] = {0, 0};
    for (const std::int64_t row : rows) {
      const std::span<const float> x = row_of(samples, row);
      const int side = bisector.height(x) > 0 ? 1 : 0;
      ++counts[side];
      double* sum = sums[side].data();
      for (std::size_t k = 0; k < inputs; ++k) sum[k] += x[k];
    }
    if (counts[0] == 0 || counts[1] == 0) break;
    std::vector<float> centroids[2] = {std::vector<float>(inputs), std::vector<float>(inputs)};
    for (const int side : {0, 1}) {
      std::ranges::transform(sums[side], centroids[side].begin(),
                             [&](double v) { return static_cast<float>(v / counts[side]); });
    }
    const Bisector next(centroids[0], centroids[1]);
    if (!next.exists()) break;  // rounding made the centroids one
    bisector = next;
  }
  return bisector;
}

}  // namespace canopy::nn
