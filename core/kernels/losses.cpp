#include <canopy/core/kernels/losses.hpp>

#include <canopy/core/kernels/simd_math.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

// In this order a NaN in x goes through.
Batch between(float low, float high, const Batch& x) { return xsimd::min(Batch(high), xsimd::max(Batch(low), x)); }

// log(1 + e^x) and log(1 + e^-x)
struct Softplus {
  Batch of, of_negative;

  explicit Softplus(const Batch& x) {
    const Batch rest = xsimd::log1p(simd::exp(-xsimd::abs(x)));
    of = xsimd::max(Batch(0.f), x) + rest;
    of_negative = xsimd::max(Batch(0.f), -x) + rest;
  }
};

// 1 / (1 + e^-x) and 1 / (1 + e^x): neither is 1 minus the other, which would lose the small one's digits.
struct Sigmoid {
  Batch of, of_negative;

  explicit Sigmoid(const Batch& x) {
    const Batch e = simd::exp(-xsimd::abs(x));
    const Batch larger = 1.f / (1.f + e), smaller = e * larger;
    of = xsimd::select(x < Batch(0.f), smaller, larger);
    of_negative = xsimd::select(x < Batch(0.f), larger, smaller);
  }
};

Batch log_at_least(const Batch& log) { return xsimd::max(Batch(-100.f), log); }

// A pass over the inputs for the sum, or one more for the elements' losses.
template <class F, class... In>
double sum_and_store(std::int64_t n, float* out, F loss, const In*... in) {
  if (out == nullptr) return simd::sum(n, loss, in...);
  simd::map_slow(n, out, loss, in...);
  return simd::sum(
      n, [](Batch v) { return v; }, static_cast<const float*>(out));
}

}  // namespace

double squared_error(const float* x, const float* t, float* out, std::int64_t n) {
  const auto loss = [](Batch a, Batch b) {
    const Batch d = a - b;
    return d * d;
  };
  return sum_and_store(n, out, loss, x, t);
}

void squared_error_slope(const float* x, const float* t, float scale, float* out, std::int64_t n) {
  simd::map(
      n, out, [twice = Batch(2.f * scale)](Batch a, Batch b) { return twice * (a - b); }, x, t);
}

double absolute_error(const float* x, const float* t, float* out, std::int64_t n) {
  return sum_and_store(
      n, out, [](Batch a, Batch b) { return xsimd::abs(a - b); }, x, t);
}

void absolute_error_slope(const float* x, const float* t, float scale, float* out, std::int64_t n) {
  const auto slope = [s = Batch(scale)](Batch a, Batch b) {
    const Batch d = a - b;
    return xsimd::select(d > Batch(0.f), s, xsimd::select(d < Batch(0.f), -s, d));  // d is 0 or NaN
  };
  simd::map(n, out, slope, x, t);
}

double huber(const float* x, const float* t, float delta, float* out, std::int64_t n) {
  const auto loss = [delta](Batch a, Batch b) {
    const Batch d = xsimd::abs(a - b);
    return xsimd::select(d <= Batch(delta), 0.5f * d * d, delta * (d - 0.5f * delta));
  };
  return sum_and_store(n, out, loss, x, t);
}

void huber_slope(const float* x, const float* t, float delta, float scale, float* out, std::int64_t n) {
  simd::map(
      n, out, [=](Batch a, Batch b) { return scale * between(-delta, delta, a - b); }, x, t);
}

double binary_cross_entropy(const float* x, const float* t, const float* positive_weight, float* out, std::int64_t n) {
  const auto loss = [](Batch z, Batch y, Batch p) {
    const Softplus softplus(z);
    return (1.f - y) * softplus.of + p * y * softplus.of_negative;
  };
  if (positive_weight != nullptr) return sum_and_store(n, out, loss, x, t, positive_weight);
  return sum_and_store(
      n, out, [loss](Batch z, Batch y) { return loss(z, y, Batch(1.f)); }, x, t);
}

void binary_cross_entropy_slope(const float* x, const float* t, const float* positive_weight, float scale, float* out,
                                std::int64_t n) {
  const auto slope = [scale](Batch z, Batch y, Batch p) {
    const Sigmoid sigmoid(z);
    return scale * ((1.f - y) * sigmoid.of - p * y * sigmoid.of_negative);
  };
  if (positive_weight != nullptr) return simd::map_slow(n, out, slope, x, t, positive_weight);
  simd::map_slow(
      n, out, [slope](Batch z, Batch y) { return slope(z, y, Batch(1.f)); }, x, t);
}

void binary_cross_entropy_target_slope(const float* x, const float* positive_weight, float scale, float* out,
                                       std::int64_t n) {
  const auto slope = [scale](Batch z, Batch p) {
    const Softplus softplus(z);
    return scale * (p * softplus.of_negative - softplus.of);
  };
  if (positive_weight != nullptr) return simd::map_slow(n, out, slope, x, positive_weight);
  simd::map(
      n, out, [scale](Batch z) { return -scale * z; }, x);
}

double probability_cross_entropy(const float* x, const float* t, float* out, std::int64_t n) {
  const auto loss = [](Batch p, Batch y) {
    return (y - 1.f) * log_at_least(xsimd::log1p(-p)) - y * log_at_least(simd::log(p));
  };
  return sum_and_store(n, out, loss, x, t);
}

void probability_cross_entropy_slope(const float* x, const float* t, float scale, float* out, std::int64_t n) {
  const auto slope = [scale](Batch p, Batch y) { return scale * ((p - y) / xsimd::max(Batch(1e-12f), p * (1.f - p))); };
  simd::map(n, out, slope, x, t);
}

void probability_cross_entropy_target_slope(const float* x, float scale, float* out, std::int64_t n) {
  const auto slope = [scale](Batch p) { return scale * (log_at_least(xsimd::log1p(-p)) - log_at_least(simd::log(p))); };
  simd::map_slow(n, out, slope, x);
}

}  // namespace canopy::kernels
