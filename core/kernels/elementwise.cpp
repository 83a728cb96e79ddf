#include <canopy/core/kernels/elementwise.hpp>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {

using simd::Batch;

void add(const float* a, const float* b, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x, Batch y) { return x + y; }, a, b);
}

void subtract(const float* a, const float* b, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x, Batch y) { return x - y; }, a, b);
}

void multiply(const float* a, const float* b, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x, Batch y) { return x * y; }, a, b);
}

void divide(const float* a, const float* b, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x, Batch y) { return x / y; }, a, b);
}

void add_to(float* out, const float* a, std::int64_t n) { add(out, a, out, n); }

void scale(const float* a, float factor, float* out, std::int64_t n) {
  simd::map(
      n, out, [f = Batch(factor)](Batch x) { return f * x; }, a);
}

void add_scalar(const float* a, float term, float* out, std::int64_t n) {
  simd::map(
      n, out, [t = Batch(term)](Batch x) { return x + t; }, a);
}

}  // namespace canopy::kernels
