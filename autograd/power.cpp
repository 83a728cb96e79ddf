#include <canopy/autograd/power.hpp>

#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/kernels/power.hpp>

namespace canopy {

Variable pow(const Variable& x, float exponent) {
  Tensor y(x.shape());
  kernels::power(x.value().data(), exponent, y.mutable_data(), y.size());
  return record("pow", {x}, y, keep(x.value()), [v = x.value(), exponent, dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor grad(dy.shape());
    kernels::power_backward(v.data(), exponent, dy.data(), grad.mutable_data(), grad.size());
    dx.accumulate(std::move(grad));
  });
}

Variable pow(const Variable& base, const Variable& exponent) {
  const Shape shape = broadcast(base.shape(), exponent.shape(), "pow");
  const Tensor x = broadcast_to(base.value(), shape), e = broadcast_to(exponent.value(), shape);
  Tensor y(shape);
  kernels::power(x.data(), e.data(), y.mutable_data(), y.size());
  const Tensor held_y = exponent.requires_grad() ? y : Tensor();
  return record(
      "pow", {base, exponent}, y, keep(x, e, held_y),
      [=, dx = base.sink(), de = exponent.sink(), sx = base.shape(), se = exponent.shape()](const Tensor& dy) {
        if (dx.needed()) {
          Tensor grad(shape);
          kernels::power_backward(x.data(), e.data(), dy.data(), grad.mutable_data(), grad.size());
          dx.accumulate(sum_to(grad, sx));
        }
        if (de.needed()) {
          Tensor grad(shape);
          kernels::power_exponent_backward(x.data(), e.data(), held_y.data(), dy.data(), grad.mutable_data(),
                                           grad.size());
          de.accumulate(sum_to(grad, se));
        }
      });
}

Variable pow(float base, const Variable& exponent) { return pow(Variable(Tensor::scalar(base)), exponent); }

}  // namespace canopy
