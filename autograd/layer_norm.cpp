#include <canopy/autograd/layer_norm.hpp>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/layer_norm.hpp>

#include <fmt/format.h>

namespace canopy {

Variable layer_norm(const Variable& x, const Variable& weight, const Variable& bias, float eps) {
  const std::int64_t width = x.shape().rank() > 0 ? x.extent(-1) : 0;
  if (width == 0 || weight.shape() != Shape{width} || (bias.is_defined() && bias.shape() != Shape{width})) {
    throw ShapeError(
        fmt::format("layer_norm: x {}, weight {} and bias {} where [..., n], [n] and [n] with n > 0 are needed",
                    x.shape().to_string(), weight.shape().to_string(), bias.shape().to_string()));
  }
  const std::int64_t rows = x.size() / width;
  Tensor value(x.shape()), mean({rows}), inverse_deviation({rows});
  kernels::layer_norm(x.value().data(), weight.value().data(), bias.is_defined() ? bias.value().data() : nullptr, eps,
                      rows, width, value.mutable_data(), mean.mutable_data(), inverse_deviation.mutable_data());
  return record("layer_norm", {x, weight, bias}, value, keep(x.value(), weight.value()),
                [x = x.value(), w = weight.value(), mean, inverse_deviation, dx = x.sink(), dw = weight.sink(),
                 db = bias.sink()](const Tensor& dy) {
                  Tensor x_grad, w_grad, b_grad;  // without elements where nobody wants them
                  if (dx.needed()) x_grad = Tensor(x.shape());
                  if (dw.needed()) w_grad = Tensor(w.shape());
                  if (db.needed()) b_grad = Tensor(w.shape());
                  kernels::layer_norm_backward(x.data(), w.data(), mean.data(), inverse_deviation.data(), dy.data(),
                                               mean.size(), w.size(), x_grad.mutable_data(), w_grad.mutable_data(),
                                               b_grad.mutable_data());
                  dx.accumulate(std::move(x_grad));
                  dw.accumulate(std::move(w_grad));
                  db.accumulate(std::move(b_grad));
                });
}

}  // namespace canopy
