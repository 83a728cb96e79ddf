// Products x W^T of few rows x: every element as a dot product of two rows where they lie. BLAS would first turn all of
// W around to read it a few times.
#pragma once

#include <cstdint>

#include <canopy/core/kernels/gemm.hpp>

namespace canopy::kernels {

/// Whether `gemm_dots` computes a product of these sizes faster than BLAS. A function of the sizes only.
bool gemm_dots_pays(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k);

/// As gemm for op(A) = A and op(B) = B^T, for any sizes with k > 0. Each element is a sum over k in an order that
/// depends on k alone, so that a row's result does not depend on the rows beside it.
void gemm_dots(const Factor& a, const Factor& b, const Destination& c, Update update = Update::overwrite,
               const BlockFinish& finish = {});

}  // namespace canopy::kernels
