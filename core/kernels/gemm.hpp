// Matrix products over single-threaded OpenBLAS panels. All matrices are row-major.
#pragma once

#include <cstdint>
#include <functional>

namespace canopy::kernels {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Op { none, transpose };

/// A factor of a product, row-major: `rows` rows of `columns` numbers, as they are stored, that begin `stride` numbers
/// apart. It enters the product as op(A).
struct Factor {
  const float* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride = columns;
  Op op = Op::none;

  std::int64_t op_rows() const { return op == Op::none ? rows : columns; }
  std::int64_t op_columns() const { return op == Op::none ? columns : rows; }
};

inline Factor transposed(Factor stored) {
  stored.op = Op::transpose;
  return stored;
}

/// Where a product goes, likewise.
struct Destination {
  float* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride = columns;
};

enum class Update { overwrite, add };

/// Called once for each block of C, rows [row_begin, row_end) and columns [column_begin, column_end), as soon as it is
/// complete and while it is in the cache; from several threads at a time. The blocks cover C.
using BlockFinish = std::function<void(std::int64_t row_begin, std::int64_t row_end, std::int64_t column_begin,
                                       std::int64_t column_end)>;

/// Throws ShapeError unless c has the shape of op(A) op(B) with op(B) [rows, columns].
void require_product(const Factor& a, std::int64_t rows, std::int64_t columns, const Destination& c);

/// C = op(A) op(B), or C += op(A) op(B) with Update::add; op(A) is [m, k], op(B) [k, n], C [m, n]. What it is cut
/// into depends on shapes only, so equal shapes give equal bits for any number of threads. C may not overlap A or B.
/// Throws ShapeError where they do not fit, and for an extent above the 2^31 - 1 that BLAS counts to.
void gemm(const Factor& a, const Factor& b, const Destination& c, Update update = Update::overwrite,
          const BlockFinish& finish = {});

/// BLAS levels 1 and 2 on this thread: what benchmarks compare with. OpenBLAS shares out no vector below 10000 numbers.
float blas_dot(std::int64_t n, const float* x, const float* y);     ///< x . y
void blas_axpy(std::int64_t n, float a, const float* x, float* y);  ///< y += a x
void blas_gemv(Op op, std::int64_t m, std::int64_t n, const float* a, const float* x,
               float* y);  ///< y = op(A) x, A [m, n]

}  // namespace canopy::kernels
