#include <canopy/core/kernels/gemm.hpp>

#include <algorithm>
#include <limits>

#include <canopy/core/array.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>
#include <canopy/core/kernels/gemm_dots.hpp>
#include <canopy/core/kernels/simd.hpp>
#include <canopy/core/threads.hpp>

#include <cblas.h>
#include <fmt/format.h>
#include <omp.h>

namespace canopy::kernels {
namespace {

// OpenBLAS's OpenMP build takes as many threads as the calling thread's omp_get_max_threads() says, and no more than
// one inside a parallel region. (openblas_set_num_threads would change the caller's OpenMP setting for good.)
class SingleThreadedBlas {
 public:
  SingleThreadedBlas() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~SingleThreadedBlas() { omp_set_num_threads(before_); }
  SingleThreadedBlas(const SingleThreadedBlas&) = delete;
  SingleThreadedBlas& operator=(const SingleThreadedBlas&) = delete;

 private:
  int before_;
};

constexpr std::int64_t worth_two_threads = 1 << 23;  // multiplications: 0.16 ms

struct Cut {
  std::int64_t rows;     // of a panel of C
  std::int64_t columns;  // of a panel of C
};

// Every panel packs the operand that it shares with the others anew. Measured against an uncut product, p panels of
// rows cost about 20 (p - 1) / m of its time, p panels of columns about twice 20 (p - 1) / n; this keeps both near 2 %
// once m or n reach 1024. Edges are multiples of 16: of the tiles of OpenBLAS's kernels.
Cut cut(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t edge = 16;
  if (m * n * k < worth_two_threads) return {m, n};
  const bool by_columns = n >= 2 * m;
  const std::int64_t extent = by_columns ? n : m;
  const std::int64_t cheap = by_columns ? 2048 : 1024;
  std::int64_t panels = 2;  // powers of two, so that as many threads finish together
  while (extent / (2 * panels) >= cheap) panels *= 2;
  const std::int64_t length = ((extent + panels - 1) / panels + edge - 1) / edge * edge;
  return by_columns ? Cut{m, length} : Cut{length, n};
}

// A gradient of weights, many rows summed into a small matrix, is cut along k instead, where nothing is packed twice:
// cutting such a C costs 5 to 15 % of the time. The sums of the parts are added in order; all but the first need memory
// of C's size.
std::int64_t parts_along_k(std::int64_t m, std::int64_t n, std::int64_t k) {
  if (m * n > 1 << 19 || k < 4 * std::max(m, n) || m * n * k < worth_two_threads) return 1;
  constexpr std::int64_t most_parts = 16;
  std::int64_t parts = 1;  // powers of two, so that as many threads finish together
  while (parts < most_parts && k / (2 * parts) >= 1024) parts *= 2;
  return parts;
}

blasint blas_extent(std::int64_t extent) {
  if (extent > std::numeric_limits<blasint>::max()) {
    throw ShapeError(fmt::format("gemm: BLAS cannot count to an extent of {}", extent));
  }
  return static_cast<blasint>(extent);
}

CBLAS_TRANSPOSE blas_op(Op op) { return op == Op::transpose ? CblasTrans : CblasNoTrans; }

// Rows and columns of op(A), as a factor that enters a product in the same way.
Factor part_of(const Factor& a, std::int64_t row, std::int64_t row_end, std::int64_t column, std::int64_t column_end) {
  if (a.op == Op::none) return {a.data + row * a.stride + column, row_end - row, column_end - column, a.stride};
  return {a.data + column * a.stride + row, column_end - column, row_end - row, a.stride, Op::transpose};
}

void blas_gemm(const Factor& a, const Factor& b, const Destination& c, Update update) {
  cblas_sgemm(CblasRowMajor, blas_op(a.op), blas_op(b.op), blas_extent(c.rows), blas_extent(c.columns),
              blas_extent(a.op_columns()), 1.f, a.data, blas_extent(a.stride), b.data, blas_extent(b.stride),
              update == Update::add ? 1.f : 0.f, c.data, blas_extent(c.stride));
}

void gemm_in_parts(const Factor& a, const Factor& b, const Destination& c, Update update, std::int64_t parts) {
  const std::int64_t m = c.rows, n = c.columns, k = a.op_columns(), length = (k - 1) / parts + 1;
  Tensor others({parts - 1, m, n});
  float* sums = others.mutable_data();
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const SingleThreadedBlas single;
    for (std::int64_t part = begin; part < end; ++part) {
      const std::int64_t p = part * length, p_end = std::min(k, p + length);
      const Destination to = part == 0 ? c : Destination{sums + (part - 1) * m * n, m, n};
      blas_gemm(part_of(a, 0, m, p, p_end), part_of(b, p, p_end, 0, n), to, part == 0 ? update : Update::overwrite);
    }
  });
  parallel_for(m, simd::grain / n + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = 1; part < parts; ++part) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* row = c.data + i * c.stride;
        const float* more = sums + ((part - 1) * m + i) * n;
        simd::map_serial(
            0, n, row, [](simd::Batch sum, simd::Batch term) { return sum + term; }, static_cast<const float*>(row),
            more);
      }
    }
  });
}

}  // namespace

void require_product(const Factor& a, std::int64_t rows, std::int64_t columns, const Destination& c) {
  if (a.op_rows() == c.rows && a.op_columns() == rows && columns == c.columns) return;
  throw ShapeError(fmt::format("gemm: [{}, {}] and [{}, {}] have no product [{}, {}]", a.op_rows(), a.op_columns(),
                               rows, columns, c.rows, c.columns));
}

void gemm(const Factor& a, const Factor& b, const Destination& c, Update update, const BlockFinish& finish) {
  const std::int64_t m = c.rows, n = c.columns, k = a.op_columns();
  require_product(a, b.op_rows(), b.op_columns(), c);
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (std::int64_t i = 0; i < m && update == Update::overwrite; ++i) std::fill_n(c.data + i * c.stride, n, 0.f);
    if (finish) finish(0, m, 0, n);
    return;
  }
  if (gemm_dots_pays(a.op, b.op, m, n, k)) {
    gemm_dots(a, b, c, update, finish);
    return;
  }
  if (gemm_direct_pays(a.op, b.op, m, n, k)) {
    gemm_direct(a, b, c, update, finish);
    return;
  }
  for (const std::int64_t extent : {m, n, k, a.stride, b.stride, c.stride}) blas_extent(extent);
  if (const std::int64_t parts = parts_along_k(m, n, k); parts > 1) {
    gemm_in_parts(a, b, c, update, parts);
    if (finish) finish(0, m, 0, n);
    return;
  }
  const Cut panel = cut(m, n, k);
  const std::int64_t panels_across = (n - 1) / panel.columns + 1;
  const std::int64_t panels = ((m - 1) / panel.rows + 1) * panels_across;
  parallel_for(panels, 1, [&](std::int64_t begin, std::int64_t end) {
    const SingleThreadedBlas single;
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t i = p / panels_across * panel.rows, i_end = std::min(m, i + panel.rows);
      const std::int64_t j = p % panels_across * panel.columns, j_end = std::min(n, j + panel.columns);
      blas_gemm(part_of(a, i, i_end, 0, k), part_of(b, 0, k, j, j_end),
                {c.data + i * c.stride + j, i_end - i, j_end - j, c.stride}, update);
      if (finish) finish(i, i_end, j, j_end);
    }
  });
}

float blas_dot(std::int64_t n, const float* x, const float* y) { return cblas_sdot(blas_extent(n), x, 1, y, 1); }

void blas_axpy(std::int64_t n, float a, const float* x, float* y) { cblas_saxpy(blas_extent(n), a, x, 1, y, 1); }

void blas_gemv(Op op, std::int64_t m, std::int64_t n, const float* a, const float* x, float* y) {
  const SingleThreadedBlas single;
  cblas_sgemv(CblasRowMajor, blas_op(op), blas_extent(m), blas_extent(n), 1.f, a, blas_extent(n), x, 1, 0.f, y, 1);
}

}  // namespace canopy::kernels
