#include "silu.hpp"

#include <canopy/autograd/tape.hpp>
#include <canopy/core/xtensor.hpp>

using namespace canopy;

namespace {

template <class E>
auto sigmoid_of(E&& x) {
  return 1.f / (1.f + xt::exp(-std::forward<E>(x)));
}

}  // namespace

// y = x * sigmoid(x);  dy/dx = s * (1 + x * (1 - s))
Variable silu(const Variable& x) {
  Tensor s = evaluate(sigmoid_of(view(x.value())));
  Tensor y = evaluate(view(x.value()) * view(s));
  return record("silu", {x}, y, keep(x.value(), s), [x, s](const Tensor& dy) {
    x.accumulate(evaluate(view(dy) * view(s) * (1.f + view(x.value()) * (1.f - view(s)))));
  });
}

Tensor silu_of_shifted(const Tensor& x, const Tensor& row) {
  const Tensor z = evaluate(view(x) + view(row));
  return evaluate(view(z) * sigmoid_of(view(z)));
}
