#include <canopy/core/kernels/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <vector>

#include <canopy/core/kernels/simd_double.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

Batch batch(double value) { return Batch(static_cast<float>(value)); }

// Multiply-adds are written out: left to the compiler, it fuses other ones for whole registers than for partial ones,
// and an element's bits would depend on its place.

// Calls update(i, g, load, store) for each register of [begin, end) with g where its gradient lies: for the partial one
// at the end `load` pads and `store` cuts.
template <class Update>
void update_range(std::int64_t begin, std::int64_t end, const float* g, Update update) {
  std::int64_t i = begin;
  for (; i + simd::width <= end; i += simd::width) {
    update(
        i, g + (i - begin), [](const float* p) { return simd::load(p); }, [](float* p, Batch v) { simd::store(p, v); });
  }
  if (i < end) {
    const std::int64_t count = end - i;
    update(
        i, g + (i - begin), [count](const float* p) { return simd::load_partial(p, count); },
        [count](float* p, Batch v) { simd::store_partial(p, v, count); });
  }
}

// The same for a parameter of n floats and the gradient that it has.
template <class Update>
void for_each_register(std::int64_t n, const ParameterGradient& g, Update update) {
  if (g.rows == nullptr) {
    parallel_for(n, simd::grain,
                 [&](std::int64_t begin, std::int64_t end) { update_range(begin, end, g.values + begin, update); });
    return;
  }
  const std::int64_t grain = simd::items_per_grain(g.width);
  if (g.lazy) {
    parallel_for(g.count, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        update_range(g.rows[i] * g.width, (g.rows[i] + 1) * g.width, g.values + i * g.width, update);
      }
    });
    return;
  }
  const std::vector<float> zeros(static_cast<std::size_t>(g.width));
  parallel_for(g.width == 0 ? 0 : n / g.width, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t next = std::lower_bound(g.rows, g.rows + g.count, begin) - g.rows;
    for (std::int64_t row = begin; row < end; ++row) {
      const bool stored = next < g.count && g.rows[next] == row;
      update_range(row * g.width, (row + 1) * g.width, stored ? g.values + next * g.width : zeros.data(), update);
      next += stored ? 1 : 0;
    }
  });
}

}  // namespace

void sgd(float* p, const ParameterGradient& gradient, float* buffer, std::int64_t n, const SgdStep& step) {
  const Batch rate = batch(step.learning_rate);
  const Batch momentum = batch(step.momentum);
  const Batch decay = batch(step.weight_decay);
  if (step.momentum == 0) {
    ParameterGradient touched = gradient;
    touched.lazy |= step.weight_decay == 0;
    for_each_register(n, touched, [&](std::int64_t i, const float* g, auto load, auto store) {
      const Batch x = load(p + i);
      store(p + i, xsimd::fnma(rate, xsimd::fma(decay, x, load(g)), x));
    });
    return;
  }
  for_each_register(n, gradient, [&](std::int64_t i, const float* g, auto load, auto store) {
    const Batch x = load(p + i);
    const Batch d = xsimd::fma(decay, x, load(g));
    const Batch b = step.first_step ? d : xsimd::fma(momentum, load(buffer + i), d);
    store(buffer + i, b);
    store(p + i, xsimd::fnma(rate, step.nesterov ? xsimd::fma(momentum, b, d) : b, x));
  });
}

void adam(float* p, const ParameterGradient& gradient, float* m, float* v, std::int64_t n, const AdamStep& step) {
  const Batch rate = batch(step.learning_rate / step.bias_correction1);
  const Batch beta1 = batch(step.beta1);
  const Batch beta2 = batch(step.beta2);
  const Batch rest1 = batch(1 - step.beta1);
  const Batch rest2 = batch(1 - step.beta2);
  const Batch root2 = batch(1 / std::sqrt(step.bias_correction2));
  const Batch epsilon = batch(step.epsilon);
  const Batch decay = batch(step.decoupled ? 0 : step.weight_decay);
  const Batch shrink = batch(step.decoupled ? 1 - step.learning_rate * step.weight_decay : 1);
  for_each_register(n, gradient, [&](std::int64_t i, const float* g, auto load, auto store) {
    const Batch x = load(p + i);
    const Batch d = xsimd::fma(decay, x, load(g));
    const Batch m1 = xsimd::fma(beta1, load(m + i), rest1 * d);
    const Batch v1 = xsimd::fma(beta2, load(v + i), rest2 * d * d);
    store(m + i, m1);
    store(v + i, v1);
    store(p + i, xsimd::fms(shrink, x, rate * m1 / xsimd::fma(xsimd::sqrt(v1), root2, epsilon)));
  });
}

double sum_of_squares(const float* x, std::int64_t n) {
  using simd::Doubles;
  return simd::sum_blocks(n, [x](std::int64_t begin, std::int64_t end) {
    Doubles low(0.), high(0.);
    const auto add = [&](const Batch& v) {
      const auto [a, b] = simd::widen(v);
      low = xsimd::fma(a, a, low);
      high = xsimd::fma(b, b, high);
    };
    std::int64_t i = begin;
    for (; i + simd::width <= end; i += simd::width) add(simd::load(x + i));
    if (i < end) add(simd::load_partial(x + i, end - i));
    return simd::reduce_add(low + high);
  });
}

}  // namespace canopy::kernels
