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

}  // namespace

void squared_error(const float* x, const float* t, float* out, std::int64_t n) {
  const auto loss = [](Batch a, Batch b) {
    const Batch d = a - b;
    return d * d;
  };
  simd::map(n, out, loss, x, t);
}

void squared_error_slope(const float* x, const float* t, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch a, Batch b) { return 2.f * (a - b); }, x, t);
}

void absolute_error(const float* x, const float* t, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch a, Batch b) { return xsimd::abs(a - b); }, x, t);
}

void absolute_error_slope(const float* x, const float* t, float* out, std::int64_t n) {
  const auto sign = [](Batch a, Batch b) {
    const Batch d = a - b;
    return xsimd::select(d > Batch(0.f), Batch(1.f), xsimd::select(d < Batch(0.f), Batch(-1.f), d));
  };
  simd::map(n, out, sign, x, t);
}

void huber(const float* x, const float* t, float delta, float* out, std::int64_t n) {
  const auto loss = [delta](Batch a, Batch b) {
    const Batch d = xsimd::abs(a - b);
    return xsimd::select(d <= Batch(delta), 0.5f * d * d, delta * (d - 0.5f * delta));
  };
  simd::map(n, out, loss, x, t);
}

void huber_slope(const float* x, const float* t, float delta, float* out, std::int64_t n) {
  simd::map(
      n, out, [delta](Batch a, Batch b) { return between(-delta, delta, a - b); }, x, t);
}

void binary_cross_entropy(const float* x, const float* t, const float* positive_weight, float* out, std::int64_t n) {
  const auto loss = [](Batch z, Batch y, Batch p) {
    const Softplus softplus(z);
    return (1.f - y) * softplus.of + p * y * softplus.of_negative;
  };
  if (positive_weight != nullptr) return simd::map_slow(n, out, loss, x, t, positive_weight);
  simd::map_slow(
      n, out, [loss](Batch z, Batch y) { return loss(z, y, Batch(1.f)); }, x, t);
}

void binary_cross_entropy_slope(const float* x, const float* t, const float* positive_weight, float* out,
                                std::int64_t n) {
  const auto slope = [](Batch z, Batch y, Batch p) {
    const Sigmoid sigmoid(z);
    return (1.f - y) * sigmoid.of - p * y * sigmoid.of_negative;
  };
  if (positive_weight != nullptr) return simd::map_slow(n, out, slope, x, t, positive_weight);
  simd::map_slow(
      n, out, [slope](Batch z, Batch y) { return slope(z, y, Batch(1.f)); }, x, t);
}

void binary_cross_entropy_target_slope(const float* x, const float* positive_weight, float* out, std::int64_t n) {
  const auto slope = [](Batch z, Batch p) {
    const Softplus softplus(z);
    return p * softplus.of_negative - softplus.of;
  };
  if (positive_weight != nullptr) return simd::map_slow(n, out, slope, x, positive_weight);
  simd::map(
      n, out, [](Batch z) { return -z; }, x);
}

void probability_cross_entropy(const float* x, const float* t, float* out, std::int64_t n) {
  const auto loss = [](Batch p, Batch y) {
    return (y - 1.f) * log_at_least(xsimd::log1p(-p)) - y * log_at_least(simd::log(p));
  };
  simd::map_slow(n, out, loss, x, t);
}

void probability_cross_entropy_slope(const float* x, const float* t, float* out, std::int64_t n) {
  const auto slope = [](Batch p, Batch y) { return (p - y) / xsimd::max(Batch(1e-12f), p * (1.f - p)); };
  simd::map(n, out, slope, x, t);
}

void probability_cross_entropy_target_slope(const float* x, float* out, std::int64_t n) {
  simd::map_slow(
      n, out, [](Batch p) { return log_at_least(xsimd::log1p(-p)) - log_at_least(simd::log(p)); }, x);
}

}  // namespace canopy::kernels
