#include <canopy/autograd/linear.hpp>

#include <span>
#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/linear.hpp>
#include <canopy/core/kernels/reductions.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

using kernels::Factor;
using kernels::transposed;

void check_linear(const Variable& x, const Variable& weight, const Variable& bias) {
  if (x.shape().rank() < 1 || weight.shape().rank() != 2 || x.extent(-1) != weight.extent(1)) {
    throw ShapeError(fmt::format("linear: x [..., inputs] and weight [outputs, inputs] do not fit: {} and {}",
                                 x.shape().to_string(), weight.shape().to_string()));
  }
  if (bias.is_defined() && bias.shape() != Shape{weight.extent(0)}) {
    throw ShapeError(fmt::format("linear: the bias has the shape {} where the weight {} needs {}",
                                 bias.shape().to_string(), weight.shape().to_string(),
                                 Shape{weight.extent(0)}.to_string()));
  }
}

// A matrix, in an array of that shape.
Tensor product(const Factor& a, const Factor& b, const Shape& shape) {
  Tensor c(shape);
  kernels::gemm(a, b, {c.mutable_data(), a.op_rows(), b.op_columns()});
  return c;
}

}  // namespace

// z = x W^T + b, y = f(z);  dz = f'(z) dy,  dW = dz^T x,  db = column sums of dz,  dx = dz W
Variable linear(const Variable& x, const Variable& weight, const Variable& bias, Activation activation) {
  check_linear(x, weight, bias);
  const std::int64_t inputs = weight.extent(1);
  const std::int64_t outputs = weight.extent(0);
  const Shape shape = x.shape().with(-1, outputs);
  const std::int64_t rows = x.shape().without(-1).size();

  const bool recorded = is_recording() && (x.requires_grad() || weight.requires_grad() || bias.requires_grad());
  Tensor y(shape);
  Tensor z;  // kept only for the activations whose derivative needs it
  if (recorded && kernels::backward_reads_input(activation)) z = Tensor(shape);
  const float* offset = bias.is_defined() ? bias.value().data() : nullptr;
  const kernels::PackedFactor* packed = is_recording() ? nullptr : weight.packed();
  if (packed && kernels::gemm_packed_pays(rows)) {
    kernels::linear_forward(rows, x.value().data(), *packed, offset, activation, y.mutable_data());
    return y;
  }
  kernels::linear_forward(rows, inputs, outputs, x.value().data(), weight.value().data(), offset, activation,
                          y.mutable_data(), z.mutable_data());
  if (!is_recording()) return y;

  // What backward reads: x for dW, W for dx, and y or z for the activation.
  const Tensor kept_x = weight.requires_grad() ? x.value() : Tensor();
  const Tensor kept_weight = x.requires_grad() ? weight.value() : Tensor();
  const bool reads_output = activation != Activation::identity && !kernels::backward_reads_input(activation);
  const Tensor kept_y = reads_output ? y : Tensor();
  const auto backward = [=, dx = x.sink(), dw = weight.sink(), db = bias.sink(),
                         x_shape = x.shape()](const Tensor& dy) {
    Tensor dz = dy;
    if (activation != Activation::identity) {
      dz = Tensor(shape);
      kernels::activate_backward(activation, z.data(), kept_y.data(), dy.data(), dz.mutable_data(), dz.size());
    }
    if (dw.needed()) {
      dw.accumulate(product(transposed({dz.data(), rows, outputs}), {kept_x.data(), rows, inputs}, {outputs, inputs}));
    }
    if (db.needed()) {
      Tensor sums({outputs});
      kernels::sum_axis(dz.data(), sums.mutable_data(), 1, rows, outputs);
      db.accumulate(std::move(sums));
    }
    if (dx.needed()) {
      dx.accumulate(product({dz.data(), rows, outputs}, {kept_weight.data(), outputs, inputs}, x_shape));
    }
  };
  const Variable inputs_of_record[] = {x, weight, bias};
  return record("linear", std::span(inputs_of_record, bias.is_defined() ? 3 : 2), std::move(y),
                keep(kept_x, kept_weight, kept_y, z), backward);
}

// c = a b;  da = dc b^T,  db = a^T dc
Variable matmul(const Variable& a, const Variable& b) {
  if (a.shape().rank() != 2 || b.shape().rank() != 2 || a.extent(1) != b.extent(0)) {
    throw ShapeError(
        fmt::format("matmul: the matrices do not fit: {} and {}", a.shape().to_string(), b.shape().to_string()));
  }
  const std::int64_t m = a.extent(0), k = a.extent(1), n = b.extent(1);
  Tensor c = product({a.value().data(), m, k}, {b.value().data(), k, n}, {m, n});
  const Tensor kept_a = b.requires_grad() ? a.value() : Tensor();
  const Tensor kept_b = a.requires_grad() ? b.value() : Tensor();
  const auto backward = [=, da = a.sink(), db = b.sink()](const Tensor& dc) {
    if (da.needed()) da.accumulate(product({dc.data(), m, n}, transposed({kept_b.data(), k, n}), {m, k}));
    if (db.needed()) db.accumulate(product(transposed({kept_a.data(), m, k}), {dc.data(), m, n}, {k, n}));
  };
  return record("matmul", {a, b}, std::move(c), keep(kept_a, kept_b), backward);
}

}  // namespace canopy
