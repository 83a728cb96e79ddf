#include <canopy/core/kernels/selection.hpp>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {

using simd::Batch;

void select(const float* condition, const float* a, const float* b, float* out, std::int64_t n) {
  // Not c != 0, which of a NaN is false in some of xsimd's instruction sets and true in others.
  simd::map(
      n, out, [](Batch c, Batch x, Batch y) { return xsimd::select(c == Batch(0.f), y, x); }, condition, a, b);
}

// max(y, x) and min(y, x) are x where either is NaN: only a NaN in y is left to be let through.
void maximum(const float* a, const float* b, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x, Batch y) { return xsimd::select(xsimd::isnan(y), y, xsimd::max(y, x)); }, a, b);
}

void minimum(const float* a, const float* b, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x, Batch y) { return xsimd::select(xsimd::isnan(y), y, xsimd::min(y, x)); }, a, b);
}

void maximum_backward(const float* a, const float* b, const float* dy, float* da, std::int64_t n) {
  const auto gradient = [](Batch x, Batch y, Batch d) {
    return xsimd::select(x < y, Batch(0.f), xsimd::select(x == y, 0.5f * d, d));
  };
  simd::map(n, da, gradient, a, b, dy);
}

void minimum_backward(const float* a, const float* b, const float* dy, float* da, std::int64_t n) {
  const auto gradient = [](Batch x, Batch y, Batch d) {
    return xsimd::select(x > y, Batch(0.f), xsimd::select(x == y, 0.5f * d, d));
  };
  simd::map(n, da, gradient, a, b, dy);
}

void clamp(const float* a, float low, float high, float* out, std::int64_t n) {
  // In this order a NaN goes through.
  simd::map(
      n, out, [l = Batch(low), h = Batch(high)](Batch x) { return xsimd::min(h, xsimd::max(l, x)); }, a);
}

void clamp_backward(const float* a, float low, float high, const float* dy, float* da, std::int64_t n) {
  const auto gradient = [l = Batch(low), h = Batch(high)](Batch x, Batch d) {
    return xsimd::select((x >= l) & (x <= h), d, Batch(0.f));
  };
  simd::map(n, da, gradient, a, dy);
}

}  // namespace canopy::kernels
