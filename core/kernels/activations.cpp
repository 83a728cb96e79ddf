#include <canopy/core/kernels/activations.hpp>

#include <algorithm>

#include <canopy/core/kernels/simd_math.hpp>
#include <canopy/core/kernels/simd_normal.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

// max(0, x) in this order lets a NaN in x through: x86 returns the second operand of an unordered pair.
Batch positive_part(Batch x) { return xsimd::max(Batch(0.f), x); }

// exp(-x) overflows to infinity below -88, which gives the right limit 0.
Batch logistic(Batch x) { return Batch(1.f) / (Batch(1.f) + simd::exp(-x)); }

// 2 u of gelu_tanh, whose (1 + tanh(u)) / 2 is the logistic function of it. Beyond +-12 that is 0 or 1, and the cube
// may be infinite.
struct TwiceTheTanhArgument {
  Batch value, slope;

  explicit TwiceTheTanhArgument(Batch x) {
    constexpr float factor = 2 * 0.7978845608f;                                  // 2 sqrt(2 / pi)
    const Batch bounded = xsimd::min(Batch(12.f), xsimd::max(Batch(-12.f), x));  // in this order NaN goes through
    const Batch square = bounded * bounded;
    value = Batch(factor) * bounded * xsimd::fma(Batch(0.044715f), square, Batch(1.f));
    slope = Batch(factor) * xsimd::fma(Batch(3 * 0.044715f), square, Batch(1.f));
  }
};

}  // namespace

void relu(const float* x, float* y, std::int64_t n) { simd::map(n, y, positive_part, x); }

void gelu(const float* x, float* y, std::int64_t n) {
  simd::map_slow(
      n, y, [](Batch v) { return v * simd::normal_cdf(v); }, x);
}

void gelu_tanh(const float* x, float* y, std::int64_t n) {
  simd::map_slow(
      n, y, [](Batch v) { return v * logistic(TwiceTheTanhArgument(v).value); }, x);
}

void sigmoid(const float* x, float* y, std::int64_t n) { simd::map_slow(n, y, logistic, x); }

void tanh(const float* x, float* y, std::int64_t n) {
  simd::map_slow(
      n, y, [](Batch v) { return xsimd::tanh(v); }, x);
}

void softplus(const float* x, float* y, std::int64_t n) {
  simd::map_slow(
      n, y, [](Batch v) { return positive_part(v) + xsimd::log1p(simd::exp(-xsimd::abs(v))); }, x);
}

void relu_backward(const float* y, const float* dy, float* dx, std::int64_t n) {
  simd::map(
      n, dx, [](Batch v, Batch d) { return xsimd::select(v > Batch(0.f), d, Batch(0.f)); }, y, dy);
}

void gelu_backward(const float* x, const float* dy, float* dx, std::int64_t n) {
  simd::map_slow(
      n, dx, [](Batch v, Batch d) { return d * (simd::normal_cdf(v) + v * simd::normal_density(v)); }, x, dy);
}

void gelu_tanh_backward(const float* x, const float* dy, float* dx, std::int64_t n) {
  const auto gradient = [](Batch v, Batch d) {
    const TwiceTheTanhArgument u(v);
    // s = logistic(2 u) and s (1 - s), without cancellation.
    const Batch e = simd::exp(-xsimd::abs(u.value)), r = Batch(1.f) / (Batch(1.f) + e);
    const Batch s = xsimd::select(u.value < Batch(0.f), e * r, r);
    return d * xsimd::fma(v, e * r * r * u.slope, s);
  };
  simd::map_slow(n, dx, gradient, x, dy);
}

void sigmoid_backward(const float* y, const float* dy, float* dx, std::int64_t n) {
  simd::map(
      n, dx, [](Batch v, Batch d) { return d * v * (Batch(1.f) - v); }, y, dy);
}

void tanh_backward(const float* y, const float* dy, float* dx, std::int64_t n) {
  simd::map(
      n, dx, [](Batch v, Batch d) { return d * (Batch(1.f) - v * v); }, y, dy);
}

void softplus_backward(const float* x, const float* dy, float* dx, std::int64_t n) {
  simd::map_slow(
      n, dx, [](Batch v, Batch d) { return d * logistic(v); }, x, dy);
}

void activate(Activation activation, const float* x, float* y, std::int64_t n) {
  switch (activation) {
    case Activation::identity:
      if (y != x) std::copy_n(x, n, y);
      return;
    case Activation::relu:
      return relu(x, y, n);
    case Activation::gelu:
      return gelu(x, y, n);
    case Activation::gelu_tanh:
      return gelu_tanh(x, y, n);
    case Activation::sigmoid:
      return sigmoid(x, y, n);
    case Activation::tanh:
      return tanh(x, y, n);
    case Activation::softplus:
      return softplus(x, y, n);
  }
}

bool backward_reads_input(Activation activation) {
  return activation == Activation::gelu || activation == Activation::gelu_tanh || activation == Activation::softplus;
}

void activate_backward(Activation activation, const float* x, const float* y, const float* dy, float* dx,
                       std::int64_t n) {
  switch (activation) {
    case Activation::identity:
      if (dx != dy) std::copy_n(dy, n, dx);
      return;
    case Activation::relu:
      return relu_backward(y, dy, dx, n);
    case Activation::gelu:
      return gelu_backward(x, dy, dx, n);
    case Activation::gelu_tanh:
      return gelu_tanh_backward(x, dy, dx, n);
    case Activation::sigmoid:
      return sigmoid_backward(y, dy, dx, n);
    case Activation::tanh:
      return tanh_backward(y, dy, dx, n);
    case Activation::softplus:
      return softplus_backward(x, dy, dx, n);
  }
}

}  // namespace canopy::kernels
