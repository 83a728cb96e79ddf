#include <canopy/autograd/selection.hpp>

#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/selection.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

Tensor select(const Tensor& condition, const Tensor& a, const Tensor& b) {
  Tensor y(condition.shape());
  kernels::select(condition.data(), a.data(), b.data(), y.mutable_data(), y.size());
  return y;
}

using Kernel = void (*)(const float*, const float*, float*, std::int64_t);
using BackwardKernel = void (*)(const float*, const float*, const float*, float*, std::int64_t);

// One of two numbers by their order; `backward` computes the gradient of its first operand.
Variable choose(const char* name, const Variable& a, const Variable& b, Kernel kernel, BackwardKernel backward) {
  const Shape shape = broadcast(a.shape(), b.shape(), name);
  const Tensor x = broadcast_to(a.value(), shape), y = broadcast_to(b.value(), shape);
  Tensor value(shape);
  kernel(x.data(), y.data(), value.mutable_data(), value.size());
  return record(name, {a, b}, value, keep(x, y),
                [=, da = a.sink(), db = b.sink(), sa = a.shape(), sb = b.shape()](const Tensor& dy) {
                  const auto accumulate = [&](const GradientSink& sink, const Tensor& own, const Tensor& other,
                                              const Shape& operand) {
                    if (!sink.needed()) return;
                    Tensor grad(shape);
                    backward(own.data(), other.data(), dy.data(), grad.mutable_data(), grad.size());
                    sink.accumulate(sum_to(grad, operand));
                  };
                  accumulate(da, x, y, sa);
                  accumulate(db, y, x, sb);
                });
}

}  // namespace

Variable where(const Tensor& condition, const Variable& a, const Variable& b) {
  const Shape shape = broadcast(condition.shape(), broadcast(a.shape(), b.shape(), "where"), "where");
  const Tensor chosen = broadcast_to(condition, shape);
  const Tensor y = select(chosen, broadcast_to(a.value(), shape), broadcast_to(b.value(), shape));
  return record("where", {a, b}, y, keep(chosen),
                [=, da = a.sink(), db = b.sink(), sa = a.shape(), sb = b.shape()](const Tensor& dy) {
                  const Tensor zeros = Tensor::zeros(shape);
                  if (da.needed()) da.accumulate(sum_to(select(chosen, dy, zeros), sa));
                  if (db.needed()) db.accumulate(sum_to(select(chosen, zeros, dy), sb));
                });
}

Variable maximum(const Variable& a, const Variable& b) {
  return choose("maximum", a, b, kernels::maximum, kernels::maximum_backward);
}

Variable minimum(const Variable& a, const Variable& b) {
  return choose("minimum", a, b, kernels::minimum, kernels::minimum_backward);
}

Variable clamp(const Variable& x, float low, float high) {
  if (!(low <= high)) throw ConfigError(fmt::format("clamp: low ({}) must be at most high ({})", low, high));
  Tensor y(x.shape());
  kernels::clamp(x.value().data(), low, high, y.mutable_data(), y.size());
  return record("clamp", {x}, y, keep(x.value()), [=, v = x.value(), dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor grad(dy.shape());
    kernels::clamp_backward(v.data(), low, high, dy.data(), grad.mutable_data(), grad.size());
    dx.accumulate(std::move(grad));
  });
}

}  // namespace canopy
