// Matrix products of grouped rows, each group with a matrix of its own: leaves of trees, experts of mixtures. Rows are
// read and written where they lie, by index; nothing is gathered first.
//
// An element is a sum in an order that does not depend on the rows computed beside it, so that work may be cut
// anywhere: by rows, however skewed the groups are, and the same bits for any number of threads.
#pragma once

#include <cstdint>
#include <functional>

#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/grouping.hpp>

namespace canopy::kernels {

/// Row p of a matrix with rows of `width` floats: at data + p width, or at data + index[p] width.
template <class T>
struct Rows {
  T* data;
  std::int64_t width;
  const std::int32_t* index = nullptr;

  T* operator[](std::int64_t p) const { return data + (index ? index[p] : p) * width; }
};

/// Called once for positions [begin, end) of group `group` as soon as their rows of C are complete and while they are
/// in the cache; from several threads at a time.
using RowsFinish = std::function<void(std::int64_t group, std::int64_t begin, std::int64_t end)>;

/// c[p] = a[p] op(W_g) for every position p of every group g. W is [groups, k, n] for Op::none and [groups, n, k] for
/// Op::transpose; rows of a have k numbers, rows of c n. Rows of c must be distinct and overlap no operand.
void grouped_gemm(const Grouping& groups, Op op, std::int64_t n, std::int64_t k, Rows<const float> a, const float* w,
                  Rows<float> c, const RowsFinish& finish = {});

/// The gradient of the matrices: c[u] = sum over positions p of group used[u] of a[p]^T b[p]; c is [used, m, n], rows
/// of a have m numbers, rows of b n. `sums` [used, n], which may be null, receives the sums of b[p] alone: the biases'.
void grouped_gemm_gradient(const Grouping& groups, std::int64_t m, std::int64_t n, Rows<const float> a,
                           Rows<const float> b, float* c, float* sums);

}  // namespace canopy::kernels
