#include <canopy/core/kernels/reductions.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <canopy/core/array.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

constexpr auto itself = [](Batch x) { return x; };

// The sum over n rows of `Registers` registers of columns, the last of which has `count` columns. Runs of 64 rows are
// summed on their own, so that rounding errors grow with 64 + n / 64 rather than with n.
template <int Registers>
void sum_strip(const float* x, std::int64_t n, std::int64_t stride, std::int64_t count, float* out) {
  const auto load_last = [count](const float* p) {
    return count == simd::width ? simd::load(p) : simd::load_partial(p, count);
  };
  Batch total[Registers];
  for (Batch& t : total) t = Batch(0.f);
  for (std::int64_t start = 0; start < n; start += 64) {
    const std::int64_t stop = std::min(n, start + 64);
    Batch run[Registers];
    for (Batch& r : run) r = Batch(0.f);
    for (std::int64_t k = start; k < stop; ++k) {
      const float* p = x + k * stride;
      for (int r = 0; r + 1 < Registers; ++r) run[r] += simd::load(p + r * simd::width);
      run[Registers - 1] += load_last(p + (Registers - 1) * simd::width);
    }
    for (int r = 0; r < Registers; ++r) total[r] += run[r];
  }
  for (int r = 0; r + 1 < Registers; ++r) simd::store(out + r * simd::width, total[r]);
  simd::store_partial(out + (Registers - 1) * simd::width, total[Registers - 1], count);
}

// out[i] = sum over k of x[k, i] for columns [begin, end) of rows of `stride` floats.
void sum_columns(const float* x, std::int64_t n, std::int64_t stride, std::int64_t begin, std::int64_t end,
                 float* out) {
  std::int64_t i = begin;
  for (; i + 4 * simd::width <= end; i += 4 * simd::width) sum_strip<4>(x + i, n, stride, simd::width, out + i);
  for (; i < end; i += simd::width) sum_strip<1>(x + i, n, stride, std::min(simd::width, end - i), out + i);
}

// The first axis of [n, inner]: wide rows are cut into strips of columns, narrow ones into blocks of rows.
void sum_first_axis(const float* x, float* out, std::int64_t n, std::int64_t inner) {
  constexpr std::int64_t wide = 1024;
  constexpr std::int64_t strip = 4 * simd::width;
  if (inner >= wide) {
    const std::int64_t columns = (simd::items_per_grain(n) + strip - 1) / strip * strip;
    parallel_for(inner, columns,
                 [&](std::int64_t begin, std::int64_t end) { sum_columns(x, n, inner, begin, end, out); });
    return;
  }
  const std::int64_t rows = simd::items_per_grain(inner);
  if (n <= rows) return sum_columns(x, n, inner, 0, inner, out);
  const std::int64_t blocks = (n - 1) / rows + 1;
  Tensor partial({blocks, inner});
  float* sums = partial.mutable_data();
  parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      sum_columns(x + b * rows * inner, std::min(rows, n - b * rows), inner, 0, inner, sums + b * inner);
    }
  });
  sum_columns(sums, blocks, inner, 0, inner, out);
}

// Where the sums [outer, inner] over n numbers, divided by `divisor`, are not finite: once more in double, since they
// may have left the range of floats on the way alone.
void settle(const float* x, float* out, std::int64_t outer, std::int64_t n, std::int64_t inner, double divisor) {
  for (std::int64_t i = 0; i < outer * inner; ++i) {
    if (std::isfinite(out[i])) continue;
    const float* first = x + i / inner * n * inner + i % inner;
    double total = 0;
    for (std::int64_t k = 0; k < n; ++k) total += first[k * inner];
    out[i] = static_cast<float>(total / divisor);
  }
}

// The first position of the largest of n >= 1 numbers, or of the first NaN. One pass finds the block of the largest,
// and only that block is searched.
std::int64_t argmax(const float* x, std::int64_t n) {
  constexpr float lowest = -std::numeric_limits<float>::infinity();
  constexpr std::int64_t block = 64 * simd::width;
  float largest = lowest;
  std::int64_t first = 0;
  for (std::int64_t begin = 0; begin < n; begin += block) {
    const std::int64_t end = std::min(n, begin + block);
    Batch best(lowest);
    xsimd::batch_bool<float> unordered(false);
    const auto add = [&](Batch v) {
      unordered = unordered | xsimd::isnan(v);
      best = xsimd::max(best, v);
    };
    std::int64_t i = begin;
    for (; i + simd::width <= end; i += simd::width) add(simd::load(x + i));
    if (i < end) add(simd::load_partial(x + i, end - i, lowest));
    if (xsimd::any(unordered)) return std::find_if(x + begin, x + n, [](float v) { return std::isnan(v); }) - x;
    if (const float here = simd::largest_lane(best); here > largest) {
      largest = here;
      first = begin;
    }
  }
  const Batch wanted(largest);
  while (first + simd::width <= n && !xsimd::any(simd::load(x + first) == wanted)) first += simd::width;
  return std::find(x + first, x + n, largest) - x;
}

}  // namespace

double sum(const float* x, std::int64_t n) { return simd::sum(n, itself, x); }

double dot(const float* a, const float* b, std::int64_t n) {
  return simd::sum(
      n, [](Batch x, Batch y) { return x * y; }, a, b);
}

double dot_from(const float* origin, const float* x, const float* w, std::int64_t n) {
  return simd::sum(
      n, [](Batch from, Batch to, Batch weight) { return (to - from) * weight; }, origin, x, w);
}

void sum_axis(const float* x, float* out, std::int64_t outer, std::int64_t n, std::int64_t inner) {
  if (outer == 1 && inner == 1) {
    *out = static_cast<float>(sum(x, n));
  } else if (inner == 1) {
    parallel_for(outer, simd::items_per_grain(n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) {
        out[o] = static_cast<float>(simd::sum_serial(0, n, itself, x + o * n));
      }
    });
  } else if (outer == 1) {
    sum_first_axis(x, out, n, inner);
  } else {
    parallel_for(outer, simd::items_per_grain(n * inner), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) sum_columns(x + o * n * inner, n, inner, 0, inner, out + o * inner);
    });
  }
  settle(x, out, outer, n, inner, 1);
}

void mean_axis(const float* x, float* out, std::int64_t outer, std::int64_t n, std::int64_t inner) {
  sum_axis(x, out, outer, n, inner);
  scale(out, 1.f / static_cast<float>(n), out, outer * inner);
  settle(x, out, outer, n, inner, static_cast<double>(n));
}

void max_axis(const float* x, float* out, std::int32_t* index, std::int64_t outer, std::int64_t n, std::int64_t inner) {
  parallel_for(outer, simd::items_per_grain(n * inner), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t o = begin; o < end; ++o) {
      const float* slice = x + o * n * inner;
      float* best = out + o * inner;
      if (inner == 1) {
        const std::int64_t k = argmax(slice, n);
        *best = slice[k];
        if (index) index[o] = static_cast<std::int32_t>(k);
        continue;
      }
      std::copy_n(slice, inner, best);
      std::int32_t* first = index ? index + o * inner : nullptr;
      if (first) std::fill_n(first, inner, 0);
      for (std::int64_t k = 1; k < n; ++k) {
        const float* row = slice + k * inner;
        for (std::int64_t i = 0; i < inner; ++i) {
          // A larger number, or the first NaN.
          const bool better = (row[i] > best[i]) | ((row[i] != row[i]) & (best[i] == best[i]));
          best[i] = better ? row[i] : best[i];
          if (first) first[i] = better ? static_cast<std::int32_t>(k) : first[i];
        }
      }
    }
  });
}

void argmax_rows(const float* x, std::int32_t* index, std::int64_t rows, std::int64_t n) {
  parallel_for(rows, simd::items_per_grain(n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) index[r] = static_cast<std::int32_t>(argmax(x + r * n, n));
  });
}

void expand_axis(const float* x, float factor, float* out, std::int64_t outer, std::int64_t n, std::int64_t inner) {
  // One item is one row [inner] of the result, or for inner = 1 one run of n equal numbers.
  if (inner == 1) {
    parallel_for(outer, simd::items_per_grain(n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t o = begin; o < end; ++o) std::fill_n(out + o * n, n, factor * x[o]);
    });
    return;
  }
  parallel_for(outer * n, simd::items_per_grain(inner), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      simd::map_serial(
          0, inner, out + r * inner, [f = Batch(factor)](Batch v) { return f * v; }, x + r / n * inner);
    }
  });
}

void place_axis(const float* x, const std::int32_t* index, float* out, std::int64_t outer, std::int64_t n,
                std::int64_t inner) {
  parallel_for(outer, simd::items_per_grain(n * inner), [&](std::int64_t begin, std::int64_t end) {
    std::fill(out + begin * n * inner, out + end * n * inner, 0.f);
    for (std::int64_t o = begin; o < end; ++o) {
      for (std::int64_t i = 0; i < inner; ++i) {
        out[(o * n + index[o * inner + i]) * inner + i] = x[o * inner + i];
      }
    }
  });
}

}  // namespace canopy::kernels
