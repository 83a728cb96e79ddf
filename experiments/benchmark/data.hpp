// What benchmarks compute with.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>

namespace canopy::benchmark {

/// Standard normal numbers that depend on shape and purpose alone.
inline Tensor normal(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(0, purpose).fill_normal(x.mutable_elements(), 0.f, 1.f);
  return x;
}

/// Standard normal batches [batch, width] of distinct rows, `rows` of them in all or one batch: a call takes the next,
/// so that it does not find its own paths in the cache.
class Batches {
 public:
  Batches(std::int64_t batch, std::int64_t width, std::int64_t rows) {
    RandomStream random(0, "benchmark data");
    for (std::int64_t row = 0; row < std::max(batch, rows); row += batch) {
      random.fill_normal(batches_.emplace_back(Shape{batch, width}).mutable_elements(), 0.f, 1.f);
    }
  }
  /// A function that takes the batches in turn.
  std::function<void()> each(std::function<void(const Tensor&)> run) const {
    return [this, run = std::move(run), next = std::size_t{0}]() mutable { run(batches_[next++ % batches_.size()]); };
  }
  const std::vector<Tensor>& all() const { return batches_; }

 private:
  std::vector<Tensor> batches_;
};

/// To the given number of decimals, for fields of a table.
inline double rounded(double value, int decimals = 2) {
  const double unit = std::pow(10., decimals);
  return std::round(value * unit) / unit;
}

}  // namespace canopy::benchmark
