// Matrix products over single-threaded OpenBLAS panels. All matrices are row-major.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Op { none, transpose };

/// C = op(A) op(B), or C += op(A) op(B) with `accumulate`; op(A) is [m, k], op(B) [k, n], C [m, n]; `lda`, `ldb`, `ldc`
/// are the lengths of the stored rows. The panels depend on shapes only, so equal shapes give equal bits for any number
/// of threads. C may not overlap A or B.
void gemm(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
          const float* b, std::int64_t ldb, float* c, std::int64_t ldc, bool accumulate = false);

}  // namespace canopy::kernels
