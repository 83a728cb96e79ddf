#include <canopy/autograd/reductions.hpp>

#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/reductions.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// A shape seen from one of its axes: [outer, n, inner].
struct Axis {
  std::int64_t outer = 1;
  std::int64_t n = 1;
  std::int64_t inner = 1;
};

Axis split(const Shape& shape, int axis) {
  axis = shape.checked_axis(axis);
  Axis result;
  for (int i = 0; i < shape.rank(); ++i) (i < axis ? result.outer : i == axis ? result.n : result.inner) *= shape[i];
  return result;
}

Shape reduced_shape(const Shape& shape, int axis, ReducedAxis reduced) {
  return reduced == ReducedAxis::keep ? shape.with(axis, 1) : shape.without(axis);
}

void require_elements(const char* operation, const Shape& shape, int axis) {
  if (shape[axis] == 0) {
    throw ShapeError(fmt::format("{}: axis {} of the shape {} has no elements", operation, axis, shape.to_string()));
  }
}

// A sum times `factor` (1, or 1 / n for a mean): its gradient is factor dy everywhere.
Variable record_sum(const char* name, const Variable& x, Tensor y, const Axis& a, float factor) {
  return record(name, {x}, std::move(y), keep(), [a, factor, shape = x.shape(), dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor grad(shape);
    kernels::expand_axis(dy.data(), factor, grad.mutable_data(), a.outer, a.n, a.inner);
    dx.accumulate(std::move(grad));
  });
}

}  // namespace

Variable sum(const Variable& x) {
  const double total = kernels::sum(x.value().data(), x.size());
  return record_sum("sum", x, Tensor::scalar(static_cast<float>(total)), {1, x.size(), 1}, 1.f);
}

Variable mean(const Variable& x) {
  const auto n = static_cast<double>(x.size());
  const double total = kernels::sum(x.value().data(), x.size());
  return record_sum("mean", x, Tensor::scalar(static_cast<float>(total / n)), {1, x.size(), 1},
                    static_cast<float>(1 / n));
}

Variable sum(const Variable& x, int axis, ReducedAxis reduced) {
  const Axis a = split(x.shape(), axis);
  Tensor y(reduced_shape(x.shape(), axis, reduced));
  kernels::sum_axis(x.value().data(), y.mutable_data(), a.outer, a.n, a.inner);
  return record_sum("sum", x, std::move(y), a, 1.f);
}

Variable mean(const Variable& x, int axis, ReducedAxis reduced) {
  const Axis a = split(x.shape(), axis);
  Tensor y(reduced_shape(x.shape(), axis, reduced));
  kernels::mean_axis(x.value().data(), y.mutable_data(), a.outer, a.n, a.inner);
  return record_sum("mean", x, std::move(y), a, 1.f / static_cast<float>(a.n));
}

Variable max(const Variable& x, int axis, ReducedAxis reduced) {
  const Axis a = split(x.shape(), axis);
  require_elements("max", x.shape(), axis);
  Tensor y(reduced_shape(x.shape(), axis, reduced));
  Indices index(y.shape());
  kernels::max_axis(x.value().data(), y.mutable_data(), index.mutable_data(), a.outer, a.n, a.inner);
  return record("max", {x}, y, keep(index), [a, index, shape = x.shape(), dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor grad(shape);
    kernels::place_axis(dy.data(), index.data(), grad.mutable_data(), a.outer, a.n, a.inner);
    dx.accumulate(std::move(grad));
  });
}

Indices argmax(const Tensor& x) {
  const Axis a = split(x.shape(), -1);
  require_elements("argmax", x.shape(), -1);
  Indices index(x.shape().without(-1));
  kernels::argmax_rows(x.data(), index.mutable_data(), a.outer, a.n);
  return index;
}

}  // namespace canopy
