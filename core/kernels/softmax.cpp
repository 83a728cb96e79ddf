#include <canopy/core/kernels/softmax.hpp>

#include <cmath>
#include <limits>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/simd_softmax.hpp>

#include <fmt/format.h>

namespace canopy::kernels {
namespace {

using simd::Batch;

template <class Body>
void for_each_row(std::int64_t rows, std::int64_t n, Body body) {
  parallel_for(rows, simd::items_per_grain(n, simd::slow_grain), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) body(r);
  });
}

// What is subtracted before the exponential: the largest number, or 0 of a row that is masked throughout, all of it
// -infinity. Its exponentials are 0, and so are the probabilities.
float shift_of(const float* x, std::int64_t n) {
  const float largest = simd::maximum_of(x, n);
  return largest == -std::numeric_limits<float>::infinity() ? 0.f : largest;
}

// a / sum of exponentials; 0 of a masked row.
float share(float a, float total) { return total == 0.f ? 0.f : a / total; }

float sum_of_shifted_exp(const float* x, float shift, std::int64_t n) {
  return static_cast<float>(simd::sum_serial(
      0, n, [s = Batch(shift)](Batch v) { return simd::exp(v - s); }, x));
}

std::int64_t count_labels(const std::int32_t* labels, std::int64_t rows, std::int64_t classes, std::int32_t ignored) {
  std::int64_t counted = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    if (labels[r] == ignored) continue;
    if (labels[r] < 0 || labels[r] >= classes) {
      throw DataError(
          fmt::format("cross_entropy: the label of row {} is {}, but there are {} classes, 0 to {} (only {} "
                      "is ignored)",
                      r, labels[r], classes, classes - 1, ignored));
    }
    ++counted;
  }
  return counted;
}

}  // namespace

void softmax(const float* x, float* y, std::int64_t rows, std::int64_t n) {
  for_each_row(rows, n, [=](std::int64_t r) {
    const float* in = x + r * n;
    float* out = y + r * n;
    const float total = simd::exponentials(in, 1.f, shift_of(in, n), out, n);
    simd::map_serial(
        0, n, out, [f = Batch(share(1.f, total))](Batch v) { return f * v; }, static_cast<const float*>(out));
  });
}

void softmax_backward(const float* y, const float* dy, float* dx, std::int64_t rows, std::int64_t n) {
  for_each_row(rows, n, [=](std::int64_t r) {
    const float* p = y + r * n;
    const float* d = dy + r * n;
    const auto mean = static_cast<float>(simd::sum_serial(
        0, n, [](Batch a, Batch b) { return a * b; }, p, d));
    simd::map_serial(
        0, n, dx + r * n, [m = Batch(mean)](Batch a, Batch b) { return a * (b - m); }, p, d);
  });
}

void log_softmax(const float* x, float* y, std::int64_t rows, std::int64_t n) {
  for_each_row(rows, n, [=](std::int64_t r) {
    const float* in = x + r * n;
    const float largest = shift_of(in, n);
    const float total = sum_of_shifted_exp(in, largest, n);
    const float log_sum = total == 0.f ? 0.f : std::log(total);  // masked: -infinity as it is
    // Two subtractions: their sum would lose digits where the maximum is large.
    simd::map_serial(
        0, n, y + r * n, [m = Batch(largest), l = Batch(log_sum)](Batch v) { return (v - m) - l; }, in);
  });
}

void log_softmax_backward(const float* y, const float* dy, float* dx, std::int64_t rows, std::int64_t n) {
  for_each_row(rows, n, [=](std::int64_t r) {
    const float* d = dy + r * n;
    const auto total = static_cast<float>(simd::sum_serial(
        0, n, [](Batch v) { return v; }, d));
    simd::map_serial(
        0, n, dx + r * n, [t = Batch(total)](Batch a, Batch b) { return b - simd::exp(a) * t; }, y + r * n, d);
  });
}

CrossEntropyResult cross_entropy(const float* logits, const std::int32_t* labels, std::int64_t rows,
                                 std::int64_t classes, const CrossEntropyOptions& options, float* statistics,
                                 float* losses) {
  const std::int64_t counted = count_labels(labels, rows, classes, options.ignore_index);
  if (counted == 0) {
    if (losses) std::fill_n(losses, rows, 0.f);
    return {0, 0};
  }
  const double smoothing = options.label_smoothing;
  const auto row_loss = [&](std::int64_t r) -> double {
    if (labels[r] == options.ignore_index) return 0;
    const float* x = logits + r * classes;
    const float largest = shift_of(x, classes);
    const float total = sum_of_shifted_exp(x, largest, classes);
    statistics[2 * r] = largest;
    statistics[2 * r + 1] = total;
    if (total == 0.f) return std::numeric_limits<double>::infinity();  // of a masked row
    const double log_sum = std::log(total);
    double loss = (1 - smoothing) * (log_sum - (x[labels[r]] - largest));
    if (smoothing != 0) {
      const double shifted = simd::sum_serial(
          0, classes, [m = Batch(largest)](Batch v) { return v - m; }, x);
      loss += smoothing * (log_sum - shifted / static_cast<double>(classes));
    }
    return loss;
  };
  const std::int64_t block = simd::items_per_grain(classes, simd::slow_grain);
  const std::int64_t blocks = (rows - 1) / block + 1;
  std::vector<double> partial(static_cast<std::size_t>(blocks));
  parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      double sum = 0;
      for (std::int64_t r = b * block; r < std::min(rows, (b + 1) * block); ++r) {
        const double loss = row_loss(r);
        if (losses) losses[r] = static_cast<float>(loss);
        sum += loss;
      }
      partial[static_cast<std::size_t>(b)] = sum;
    }
  });
  return {std::accumulate(partial.begin(), partial.end(), 0.0), counted};
}

void cross_entropy_backward(const float* logits, const std::int32_t* labels, const float* statistics, const float* dy,
                            std::int64_t rows, std::int64_t classes, const CrossEntropyOptions& options, float* dx) {
  const float everywhere = options.label_smoothing / static_cast<float>(classes);
  for_each_row(rows, classes, [&](std::int64_t r) {
    float* out = dx + r * classes;
    if (labels[r] == options.ignore_index) {
      std::fill_n(out, classes, 0.f);
      return;
    }
    const float scale = dy[r];
    const Batch shift(statistics[2 * r]);
    const Batch factor(share(scale, statistics[2 * r + 1]));
    const Batch term(scale * everywhere);
    simd::map_serial(
        0, classes, out, [&](Batch v) { return simd::exp(v - shift) * factor - term; }, logits + r * classes);
    out[labels[r]] -= scale * (1.f - options.label_smoothing);
  });
}

}  // namespace canopy::kernels
