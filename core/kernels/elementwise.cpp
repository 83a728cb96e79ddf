#include <canopy/core/kernels/elementwise.hpp>

#include <canopy/core/kernels/simd_math.hpp>

namespace canopy::kernels {

using simd::Batch;

namespace {

// out[r, c] = f(a[r, c], row[c]). Rows shorter than a register are repeated until they fill whole ones.
template <class F>
void map_row(std::int64_t rows, std::int64_t n, float* out, F f, const float* a, const float* row) {
  alignas(64) float repeated[simd::width * simd::width];
  const bool narrow = n < simd::width;
  if (narrow) {
    for (std::int64_t r = 0; r < simd::width; ++r) std::copy_n(row, n, repeated + r * n);
  }
  const float* pattern = narrow ? repeated : row;
  const std::int64_t period = narrow ? simd::width * n : n;
  const std::int64_t repetitions = narrow ? (rows + simd::width - 1) / simd::width : rows;
  parallel_for(repetitions, simd::items_per_grain(period), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      const std::int64_t offset = k * period;
      simd::map_serial(0, std::min(period, rows * n - offset), out + offset, f, a + offset, pattern);
    }
  });
}

}  // namespace

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

void negate(const float* a, float* out, std::int64_t n) {
  // xsimd's -x is 0 - x, which loses the sign of 0.
  simd::map(
      n, out, [](Batch x) { return Batch(-0.f) - x; }, a);
}

void square(const float* a, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x) { return x * x; }, a);
}

void sqrt(const float* a, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x) { return xsimd::sqrt(x); }, a);
}

void exp(const float* a, float* out, std::int64_t n) {
  simd::map_slow(
      n, out, [](Batch x) { return simd::exp(x); }, a);
}

void log(const float* a, float* out, std::int64_t n) {
  simd::map_slow(
      n, out, [](Batch x) { return simd::log(x); }, a);
}

void expm1(const float* a, float* out, std::int64_t n) {
  simd::map_slow(
      n, out, [](Batch x) { return simd::expm1(x); }, a);
}

void log1p(const float* a, float* out, std::int64_t n) {
  simd::map_slow(
      n, out, [](Batch x) { return simd::log1p(x); }, a);
}

void abs(const float* a, float* out, std::int64_t n) {
  simd::map(
      n, out, [](Batch x) { return xsimd::abs(x); }, a);
}

void add_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n) {
  map_row(
      rows, n, out, [](Batch x, Batch y) { return x + y; }, a, row);
}

void subtract_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n) {
  map_row(
      rows, n, out, [](Batch x, Batch y) { return x - y; }, a, row);
}

void multiply_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n) {
  map_row(
      rows, n, out, [](Batch x, Batch y) { return x * y; }, a, row);
}

void divide_row(const float* a, const float* row, float* out, std::int64_t rows, std::int64_t n) {
  map_row(
      rows, n, out, [](Batch x, Batch y) { return x / y; }, a, row);
}

void multiply_column(const float* a, const float* column, float* out, std::int64_t rows, std::int64_t n) {
  parallel_for(rows, simd::items_per_grain(n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      simd::map_serial(
          0, n, out + r * n, [f = Batch(column[r])](Batch x) { return f * x; }, a + r * n);
    }
  });
}

}  // namespace canopy::kernels
