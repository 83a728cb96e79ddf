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

}  // namespace

void relu(const float* x, float* y, std::int64_t n) { simd::map(n, y, positive_part, x); }

void gelu(const float* x, float* y, std::int64_t n) {
  simd::map_slow(
      n, y, [](Batch v) { return v * simd::normal_cdf(v); }, x);
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
    case Activation::sigmoid:
      return sigmoid(x, y, n);
    case Activation::tanh:
      return tanh(x, y, n);
    case Activation::softplus:
      return softplus(x, y, n);
  }
}

bool backward_reads_input(Activation activation) {
  return activation == Activation::gelu || activation == Activation::softplus;
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
    case Activation::sigmoid:
      return sigmoid_backward(y, dy, dx, n);
    case Activation::tanh:
      return tanh_backward(y, dy, dx, n);
    case Activation::softplus:
      return softplus_backward(x, dy, dx, n);
  }
}

}  // namespace canopy::kernels
