#include <canopy/core/kernels/top_k.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include <canopy/core/kernels/reductions.hpp>
#include <canopy/core/kernels/simd_normal.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

// Up to here a sorted list of the best is cheaper than a selection: few numbers of a row ever enter it.
constexpr std::int64_t longest_list = 32;

// Whether a comes before b whatever their places.
bool is_larger(float a, float b) { return a > b || (std::isnan(a) && !std::isnan(b)); }

// One pass: the best so far stand sorted, and a register with nothing above the last of them costs a comparison.
void best_of(const float* x, std::int64_t n, std::int64_t k, std::int32_t* index) {
  std::array<float, longest_list> best;
  std::int64_t found = 0;
  const auto offer = [&](std::int64_t i) {
    const float value = x[i];
    if (found == k && !is_larger(value, best[static_cast<std::size_t>(k - 1)])) return;
    std::int64_t at = found < k ? found++ : k - 1;
    for (; at > 0 && is_larger(value, best[static_cast<std::size_t>(at - 1)]); --at) {
      best[static_cast<std::size_t>(at)] = best[static_cast<std::size_t>(at - 1)];
      index[at] = index[at - 1];
    }
    best[static_cast<std::size_t>(at)] = value;
    index[at] = static_cast<std::int32_t>(i);
  };
  std::int64_t i = 0;
  for (; i < k; ++i) offer(i);
  for (; i + simd::width <= n; i += simd::width) {
    const Batch v = simd::load(x + i);
    if (!xsimd::any((v > Batch(best[static_cast<std::size_t>(k - 1)])) | xsimd::isnan(v))) continue;
    for (std::int64_t j = i; j < i + simd::width; ++j) offer(j);
  }
  for (; i < n; ++i) offer(i);
}

void select(const float* x, std::int64_t n, std::int64_t k, std::vector<std::int32_t>& order, std::int32_t* index) {
  order.resize(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + k, order.end(), [x](std::int32_t a, std::int32_t b) {
    return is_larger(x[a], x[b]) || (!is_larger(x[b], x[a]) && a < b);
  });
  std::copy_n(order.begin(), k, index);
}

// Calls body(r, scratch) for every row; `scratch` is a row of n floats.
template <class Body>
void for_each_row(std::int64_t rows, std::int64_t n, Body body) {
  parallel_for(rows, simd::items_per_grain(n, simd::slow_grain), [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(n));
    for (std::int64_t r = begin; r < end; ++r) body(r, scratch.data());
  });
}

// The threshold that each number of row r is compared with.
void fill_thresholds(const TopKProbability& of, std::int64_t r, float* threshold) {
  std::fill_n(threshold, of.n, of.threshold[2 * r]);
  for (std::int64_t j = r * of.k; j < (r + 1) * of.k; ++j) threshold[of.index[j]] = of.threshold[2 * r + 1];
}

}  // namespace

void top_k(const float* x, std::int64_t rows, std::int64_t n, std::int64_t k, std::int32_t* index) {
  if (k == 1) return argmax_rows(x, index, rows, n);
  parallel_for(rows, simd::items_per_grain(n), [=](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> order;
    for (std::int64_t r = begin; r < end; ++r) {
      if (k <= longest_list) {
        best_of(x + r * n, n, k, index + r * k);
      } else {
        select(x + r * n, n, k, order, index + r * k);
      }
    }
  });
}

void gather_columns(const float* x, const std::int32_t* index, std::int64_t rows, std::int64_t n, std::int64_t k,
                    float* out) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = r * k; j < (r + 1) * k; ++j) out[j] = x[r * n + index[j]];
  }
}

void gather_columns_backward(const float* dy, const std::int32_t* index, std::int64_t rows, std::int64_t n,
                             std::int64_t k, float* dx) {
  parallel_for(rows, simd::items_per_grain(n), [=](std::int64_t begin, std::int64_t end) {
    std::fill(dx + begin * n, dx + end * n, 0.f);
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t j = r * k; j < (r + 1) * k; ++j) dx[r * n + index[j]] += dy[j];
    }
  });
}

void top_k_probability(const TopKProbability& of, float* p) {
  for_each_row(of.rows, of.n, [&](std::int64_t r, float* threshold) {
    fill_thresholds(of, r, threshold);
    simd::map_serial(
        0, of.n, p + r * of.n, [](Batch m, Batch s, Batch t) { return simd::normal_cdf((m - t) / s); },
        of.mean + r * of.n, of.deviation + r * of.n, static_cast<const float*>(threshold));
  });
}

void top_k_probability_backward(const TopKProbability& of, const float* dp, float* dmean, float* ddeviation,
                                float* dthreshold) {
  for_each_row(of.rows, of.n, [&](std::int64_t r, float* scratch) {
    const std::int64_t n = of.n;
    const float* mean = of.mean + r * n;
    const float* deviation = of.deviation + r * n;
    float* g = dmean + r * n;
    fill_thresholds(of, r, scratch);
    const float* threshold = scratch;
    simd::map_serial(
        0, n, g, [](Batch m, Batch s, Batch t, Batch d) { return d * simd::normal_density((m - t) / s) / s; }, mean,
        deviation, threshold, dp + r * n);
    simd::map_serial(
        0, n, ddeviation + r * n, [](Batch m, Batch s, Batch t, Batch d) { return d * (t - m) / s; }, mean, deviation,
        threshold, static_cast<const float*>(g));
    double chosen = 0;
    std::copy_n(g, n, scratch);
    for (std::int64_t j = r * of.k; j < (r + 1) * of.k; ++j) {
      chosen += g[of.index[j]];
      scratch[of.index[j]] = 0.f;
    }
    const double others = simd::sum_serial(
        0, n, [](Batch v) { return v; }, static_cast<const float*>(scratch));
    dthreshold[2 * r] = static_cast<float>(-others);
    dthreshold[2 * r + 1] = static_cast<float>(-chosen);
  });
}

}  // namespace canopy::kernels
