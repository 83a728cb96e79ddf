#include <canopy/core/kernels/power.hpp>

#include <canopy/core/kernels/simd_math.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

Batch slope(const Batch& x, const Batch& e) {
  return xsimd::select(e == Batch(0.f), Batch(0.f), e * simd::pow(x, e - 1.f));
}

}  // namespace

void power(const float* base, float exponent, float* out, std::int64_t n) {
  if (exponent == 2.f) {
    simd::map(
        n, out, [](Batch x) { return x * x; }, base);
    return;
  }
  simd::map_slow(
      n, out, [e = Batch(exponent)](Batch x) { return simd::pow(x, e); }, base);
}

void power(const float* base, const float* exponent, float* out, std::int64_t n) {
  simd::map_slow(
      n, out, [](Batch x, Batch e) { return simd::pow(x, e); }, base, exponent);
}

void power_backward(const float* base, float exponent, const float* dy, float* dbase, std::int64_t n) {
  if (exponent == 2.f) {
    simd::map(
        n, dbase, [](Batch x, Batch d) { return 2.f * x * d; }, base, dy);
    return;
  }
  simd::map_slow(
      n, dbase, [e = Batch(exponent)](Batch x, Batch d) { return slope(x, e) * d; }, base, dy);
}

void power_backward(const float* base, const float* exponent, const float* dy, float* dbase, std::int64_t n) {
  simd::map_slow(
      n, dbase, [](Batch x, Batch e, Batch d) { return slope(x, e) * d; }, base, exponent, dy);
}

void power_exponent_backward(const float* base, const float* exponent, const float* y, const float* dy,
                             float* dexponent, std::int64_t n) {
  const auto gradient = [](Batch x, Batch e, Batch v, Batch d) {
    const auto flat = (x == Batch(0.f)) & (e >= Batch(0.f));
    return xsimd::select(flat, Batch(0.f), v * simd::log(x) * d);
  };
  simd::map_slow(n, dexponent, gradient, base, exponent, y, dy);
}

}  // namespace canopy::kernels
