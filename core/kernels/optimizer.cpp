#include <canopy/core/kernels/optimizer.hpp>

#include <cmath>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

Batch batch(double value) { return Batch(static_cast<float>(value)); }

// Calls update(i, load, store) for each register of [begin, end): for the partial one at the end `load` pads and
// `store` cuts.
template <class Update>
void for_each_register(std::int64_t n, Update update) {
  parallel_for(n, simd::grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t i = begin;
    for (; i + simd::width <= end; i += simd::width) {
      update(
          i, [](const float* p) { return simd::load(p); }, [](float* p, Batch v) { simd::store(p, v); });
    }
    if (i < end) {
      const std::int64_t count = end - i;
      update(
          i, [count](const float* p) { return simd::load_partial(p, count); },
          [count](float* p, Batch v) { simd::store_partial(p, v, count); });
    }
  });
}

}  // namespace

void sgd(float* p, const float* g, float* buffer, std::int64_t n, const SgdStep& step) {
  const Batch rate = batch(step.learning_rate);
  const Batch momentum = batch(step.momentum);
  const Batch decay = batch(step.weight_decay);
  if (step.momentum == 0) {
    for_each_register(n, [&](std::int64_t i, auto load, auto store) {
      const Batch x = load(p + i);
      store(p + i, x - rate * (load(g + i) + decay * x));
    });
    return;
  }
  for_each_register(n, [&](std::int64_t i, auto load, auto store) {
    const Batch x = load(p + i);
    const Batch d = load(g + i) + decay * x;
    const Batch b = step.first_step ? d : momentum * load(buffer + i) + d;
    store(buffer + i, b);
    store(p + i, x - rate * (step.nesterov ? d + momentum * b : b));
  });
}

void adam(float* p, const float* g, float* m, float* v, std::int64_t n, const AdamStep& step) {
  const Batch rate = batch(step.learning_rate / step.bias_correction1);
  const Batch beta1 = batch(step.beta1);
  const Batch beta2 = batch(step.beta2);
  const Batch rest1 = batch(1 - step.beta1);
  const Batch rest2 = batch(1 - step.beta2);
  const Batch root2 = batch(1 / std::sqrt(step.bias_correction2));
  const Batch epsilon = batch(step.epsilon);
  const Batch decay = batch(step.decoupled ? 0 : step.weight_decay);
  const Batch shrink = batch(step.decoupled ? 1 - step.learning_rate * step.weight_decay : 1);
  for_each_register(n, [&](std::int64_t i, auto load, auto store) {
    const Batch x = load(p + i);
    const Batch d = load(g + i) + decay * x;
    const Batch m1 = beta1 * load(m + i) + rest1 * d;
    const Batch v1 = beta2 * load(v + i) + rest2 * d * d;
    store(m + i, m1);
    store(v + i, v1);
    store(p + i, shrink * x - rate * m1 / (xsimd::sqrt(v1) * root2 + epsilon));
  });
}

double sum_of_squares(const float* x, std::int64_t n) {
  return simd::sum(
      n, [](Batch v) { return v * v; }, x);
}

}  // namespace canopy::kernels
