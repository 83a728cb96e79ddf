#include <canopy/autograd/dropout.hpp>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/dropout.hpp>
#include <canopy/core/kernels/elementwise.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

Tensor product(const Tensor& a, const Tensor& b) {
  Tensor result(a.shape());
  kernels::multiply(a.data(), b.data(), result.mutable_data(), result.size());
  return result;
}

}  // namespace

Variable dropout(const Variable& x, float probability, RandomStream& stream) {
  if (!(probability >= 0.f && probability < 1.f)) {
    throw ConfigError(fmt::format("dropout: the probability must lie in [0, 1), not {}", probability));
  }
  if (probability == 0.f) return x;
  Tensor mask(x.shape());
  kernels::dropout_mask(stream, probability, mask.mutable_data(), mask.size());
  return record("dropout", {x}, product(x.value(), mask), keep(mask),
                [dx = x.sink(), mask](const Tensor& dy) { dx.accumulate(product(dy, mask)); });
}

}  // namespace canopy
