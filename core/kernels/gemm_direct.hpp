// Thin matrix products in registers: A is read where it lies, one number at a time, B in strips two registers wide.
// Where BLAS spends its time on packing and on the edges of its tiles this is faster; where B outgrows the cache BLAS
// wins.
#pragma once

#include <cstdint>
#include <memory>

#include <canopy/core/kernels/gemm.hpp>

namespace canopy::kernels {

/// Whether `gemm_direct` computes a product of these sizes faster than BLAS: x W^T with few outputs, dy^T x with few
/// rows. A function of the sizes only.
bool gemm_direct_pays(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k);

/// As gemm, for any sizes with k > 0. Each element is a sum over k in order, in blocks whose length depends on the
/// operation and m alone.
void gemm_direct(const Factor& a, const Factor& b, const Destination& c, Update update = Update::overwrite,
                 const BlockFinish& finish = {});

class Strips;

/// A factor op(B) in the order in which products read it: weights that many products share are packed once. A copy, of
/// the same size but for padding.
class PackedFactor {
 public:
  explicit PackedFactor(const Factor& b);

  std::int64_t rows() const { return rows_; }        ///< of op(B)
  std::int64_t columns() const { return columns_; }  ///< of op(B)

 private:
  friend void gemm_packed(const Factor& a, const PackedFactor& b, const Destination& c, Update update,
                          const BlockFinish& finish);
  std::int64_t rows_, columns_;
  std::shared_ptr<const Strips> strips_;
};

/// Whether `gemm_packed` computes a product with m rows faster than `gemm` would.
bool gemm_packed_pays(std::int64_t m);

/// As gemm, where op(B) is packed.
void gemm_packed(const Factor& a, const PackedFactor& b, const Destination& c, Update update = Update::overwrite,
                 const BlockFinish& finish = {});

}  // namespace canopy::kernels
