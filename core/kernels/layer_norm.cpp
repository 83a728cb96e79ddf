#include <canopy/core/kernels/layer_norm.hpp>

#include <cmath>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;
using simd::width;

// Calls f(j, registers that hold elements j...) over a row; the last, partial register of each input is filled with its
// `fill`, and count says how many of its elements are real.
template <class F>
void for_each_register(std::int64_t n, F f) {
  std::int64_t j = 0;
  for (; j + width <= n; j += width) f(j, width);
  if (j < n) f(j, n - j);
}

Batch load(const float* p, std::int64_t count, float fill = 0.f) {
  return count == width ? simd::load(p) : simd::load_partial(p, count, fill);
}

void store(float* p, const Batch& v, std::int64_t count) {
  if (count == width) {
    simd::store(p, v);
  } else {
    simd::store_partial(p, v, count);
  }
}

// Rows whose column sums are added up on one thread.
constexpr std::int64_t rows_a_block = 32;

// Whether a row's sums and squares are floats: the others are computed number by number in double.
bool is_moderate(float inverse_deviation) { return inverse_deviation > 1e-15f && inverse_deviation < 1e15f; }

struct Moments {
  double mean = 0, variance = 0;

  Moments(const float* x, std::int64_t n) {
    for (std::int64_t j = 0; j < n; ++j) mean += x[j] / static_cast<double>(n);
    for (std::int64_t j = 0; j < n; ++j) variance += (x[j] - mean) * (x[j] - mean) / static_cast<double>(n);
  }
};

struct Row {
  const float* x;
  const float* weight;
  const float* dy;
  float mean;
  float inverse_deviation;

  Batch normalised(std::int64_t j, std::int64_t count) const {
    return (load(x + j, count, mean) - Batch(mean)) * Batch(inverse_deviation);
  }
};

// z = (x - mean) / deviation in double. Of the deviation floats hold the inverse, unless it is so large that eps, which
// it includes, does not count beside it.
struct WideRow {
  std::vector<double> z;
  double deviation;

  WideRow(const Row& row, std::int64_t n) : z(static_cast<std::size_t>(n)) {
    const Moments moments(row.x, n);
    deviation = row.inverse_deviation > 1.f ? 1. / row.inverse_deviation : std::sqrt(moments.variance);
    for (std::int64_t j = 0; j < n; ++j) z[static_cast<std::size_t>(j)] = (row.x[j] - moments.mean) / deviation;
  }
};

void add_column_sums_in_double(const Row& row, std::int64_t n, float* dweight, float* dbias) {
  const WideRow wide(row, n);
  for (std::int64_t j = 0; j < n; ++j) {
    dweight[j] += static_cast<float>(row.dy[j] * wide.z[static_cast<std::size_t>(j)]);
    dbias[j] += row.dy[j];
  }
}

void input_gradient_in_double(const Row& row, std::int64_t n, float* dx) {
  const WideRow wide(row, n);
  double mean_g = 0, mean_gz = 0;
  const auto g = [&](std::int64_t j) { return static_cast<double>(row.dy[j]) * row.weight[j]; };
  for (std::int64_t j = 0; j < n; ++j) {
    mean_g += g(j) / static_cast<double>(n);
    mean_gz += g(j) * wide.z[static_cast<std::size_t>(j)] / static_cast<double>(n);
  }
  for (std::int64_t j = 0; j < n; ++j) {
    const double z = wide.z[static_cast<std::size_t>(j)];
    dx[j] = static_cast<float>((g(j) - mean_g - z * mean_gz) / wide.deviation);
  }
}

void add_column_sums(const Row& row, std::int64_t n, float* dweight, float* dbias) {
  if (!is_moderate(row.inverse_deviation)) return add_column_sums_in_double(row, n, dweight, dbias);
  for_each_register(n, [&](std::int64_t j, std::int64_t count) {
    const Batch dy = load(row.dy + j, count);
    store(dweight + j, xsimd::fma(dy, row.normalised(j, count), load(dweight + j, count)), count);
    store(dbias + j, load(dbias + j, count) + dy, count);
  });
}

void input_gradient(const Row& row, std::int64_t n, float* dx) {
  if (!is_moderate(row.inverse_deviation)) return input_gradient_in_double(row, n, dx);
  Batch sum_g(0.f), sum_gz(0.f);
  for_each_register(n, [&](std::int64_t j, std::int64_t count) {
    const Batch g = load(row.dy + j, count) * load(row.weight + j, count);
    sum_g += g;
    sum_gz = xsimd::fma(g, row.normalised(j, count), sum_gz);
  });
  const Batch mean_g(simd::reduce_add(sum_g) / static_cast<float>(n));
  const Batch mean_gz(simd::reduce_add(sum_gz) / static_cast<float>(n));
  for_each_register(n, [&](std::int64_t j, std::int64_t count) {
    const Batch g = load(row.dy + j, count) * load(row.weight + j, count);
    store(dx + j, Batch(row.inverse_deviation) * (g - mean_g - row.normalised(j, count) * mean_gz), count);
  });
}

// y, and the statistics of the row.
Row normalise_in_double(const float* x, const float* weight, const float* bias, float eps, std::int64_t n, float* y) {
  const Moments moments(x, n);
  const double deviation = std::sqrt(moments.variance + eps);
  for (std::int64_t j = 0; j < n; ++j) {
    const double z = (x[j] - moments.mean) / deviation;
    y[j] = static_cast<float>(z * weight[j] + (bias == nullptr ? 0.f : bias[j]));
  }
  return {x, weight, nullptr, static_cast<float>(moments.mean), static_cast<float>(1 / deviation)};
}

}  // namespace

void layer_norm(const float* x, const float* weight, const float* bias, float eps, std::int64_t rows, std::int64_t n,
                float* y, float* mean, float* inverse_deviation) {
  if (n == 0) return;
  parallel_for(rows, simd::grain / n + 1, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* row = x + i * n;
      Batch sum(0.f), squares(0.f);
      for_each_register(n, [&](std::int64_t j, std::int64_t count) { sum += load(row + j, count); });
      const float m = simd::reduce_add(sum) / static_cast<float>(n);
      // The squares of the deviations, not the mean square minus the squared mean, which cancels.
      for_each_register(n, [&](std::int64_t j, std::int64_t count) {
        const Batch deviation = load(row + j, count, m) - Batch(m);
        squares = xsimd::fma(deviation, deviation, squares);
      });
      const float s = 1.f / std::sqrt(simd::reduce_add(squares) / static_cast<float>(n) + eps);
      if (!is_moderate(s)) {
        const Row wide = normalise_in_double(row, weight, bias, eps, n, y + i * n);
        mean[i] = wide.mean;
        inverse_deviation[i] = wide.inverse_deviation;
        continue;
      }
      for_each_register(n, [&](std::int64_t j, std::int64_t count) {
        const Batch z = (load(row + j, count) - Batch(m)) * Batch(s);
        const Batch b = bias == nullptr ? Batch(0.f) : load(bias + j, count);
        store(y + i * n + j, xsimd::fma(z, load(weight + j, count), b), count);
      });
      mean[i] = m;
      inverse_deviation[i] = s;
    }
  });
}

void layer_norm_backward(const float* x, const float* weight, const float* mean, const float* inverse_deviation,
                         const float* dy, std::int64_t rows, std::int64_t n, float* dx, float* dweight, float* dbias) {
  if (n == 0) return;
  const bool column_sums = dweight != nullptr || dbias != nullptr;
  const std::int64_t blocks = (rows + rows_a_block - 1) / rows_a_block;
  Tensor partial(column_sums ? Shape{blocks, 2, n} : Shape{0});
  float* sums = partial.mutable_data();
  const std::int64_t grain = (simd::grain / n / rows_a_block + 1) * rows_a_block;
  parallel_for(rows, grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Row row{x + i * n, weight, dy + i * n, mean[i], inverse_deviation[i]};
      if (column_sums) {
        float* block = sums + i / rows_a_block * 2 * n;
        if (i % rows_a_block == 0) std::fill_n(block, 2 * n, 0.f);
        add_column_sums(row, n, block, block + n);
      }
      if (dx != nullptr) input_gradient(row, n, dx + i * n);
    }
  });
  const auto sum_blocks = [&](const float* first, float* out) {
    std::fill_n(out, n, 0.f);
    for (std::int64_t b = 0; b < blocks; ++b) {
      for (std::int64_t j = 0; j < n; ++j) out[j] += first[b * 2 * n + j];
    }
  };
  if (dweight != nullptr) sum_blocks(sums, dweight);
  if (dbias != nullptr) sum_blocks(sums + n, dbias);
}

}  // namespace canopy::kernels
