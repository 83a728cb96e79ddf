#include <canopy/core/kernels/gemm.hpp>

#include <algorithm>
#include <limits>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>
#include <canopy/core/kernels/gemm_dots.hpp>
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

struct Cut {
  std::int64_t rows;     // of a panel of C
  std::int64_t columns;  // of a panel of C
};

// Every panel packs the operand that it shares with the others anew. Measured against an uncut product, p panels of
// rows cost about 20 (p - 1) / m of its time, p panels of columns about twice 20 (p - 1) / n; this keeps both near 2 %
// once m or n reach 1024. Never along k. Edges are multiples of 16: of the tiles of OpenBLAS's kernels.
Cut cut(std::int64_t m, std::int64_t n, std::int64_t k) {
  constexpr std::int64_t worth_two_threads = 1 << 23;  // multiplications: 0.16 ms
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

blasint blas_extent(std::int64_t extent) {
  if (extent > std::numeric_limits<blasint>::max()) {
    throw ShapeError(fmt::format("gemm: BLAS cannot count to an extent of {}", extent));
  }
  return static_cast<blasint>(extent);
}

CBLAS_TRANSPOSE blas_op(Op op) { return op == Op::transpose ? CblasTrans : CblasNoTrans; }

}  // namespace

void gemm(const Factor& a, const Factor& b, const Destination& c, Update update, const BlockFinish& finish) {
  const std::int64_t m = c.rows, n = c.columns, k = a.op_columns();
  if (a.op_rows() != m || b.op_rows() != k || b.op_columns() != n) {
    throw ShapeError(fmt::format("gemm: [{}, {}] and [{}, {}] have no product [{}, {}]", a.op_rows(), k, b.op_rows(),
                                 b.op_columns(), m, n));
  }
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
  const Cut panel = cut(m, n, k);
  const std::int64_t panels_across = (n - 1) / panel.columns + 1;
  const std::int64_t panels = ((m - 1) / panel.rows + 1) * panels_across;
  parallel_for(panels, 1, [&](std::int64_t begin, std::int64_t end) {
    const SingleThreadedBlas single;
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t i = p / panels_across * panel.rows, i_end = std::min(m, i + panel.rows);
      const std::int64_t j = p % panels_across * panel.columns, j_end = std::min(n, j + panel.columns);
      const float* a_panel = a.data + (a.op == Op::none ? i * a.stride : i);
      const float* b_panel = b.data + (b.op == Op::none ? j : j * b.stride);
      cblas_sgemm(CblasRowMajor, blas_op(a.op), blas_op(b.op), blas_extent(i_end - i), blas_extent(j_end - j),
                  blas_extent(k), 1.f, a_panel, blas_extent(a.stride), b_panel, blas_extent(b.stride),
                  update == Update::add ? 1.f : 0.f, c.data + i * c.stride + j, blas_extent(c.stride));
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
