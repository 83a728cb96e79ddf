#include <canopy/autograd/shaping.hpp>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/rows.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// An axis cuts a row-major array into `count` blocks of `length` contiguous elements each.
struct Blocks {
  std::int64_t count;
  std::int64_t length;

  Blocks(const Shape& shape, int axis)
      : count(std::accumulate(shape.begin(), shape.begin() + axis, std::int64_t{1}, std::multiplies<>())),
        length(std::accumulate(shape.begin() + axis, shape.end(), std::int64_t{1}, std::multiplies<>())) {}
};

Tensor transposed(const Tensor& x) {
  Tensor result({x.extent(1), x.extent(0)});
  kernels::transpose(x.data(), x.extent(0), x.extent(1), result.mutable_data());
  return result;
}

// The shape of `parts` joined along `axis`.
Shape joined_shape(const std::vector<Variable>& parts, int axis) {
  const Shape& first = parts.front().shape();
  std::int64_t extent = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Shape& shape = parts[i].shape();
    if (shape.rank() != first.rank() || shape.with(axis, 0) != first.with(axis, 0)) {
      throw ShapeError(fmt::format("concatenate: part {} has the shape {}, part 0 {}; they may differ in axis {} only",
                                   i, shape.to_string(), first.to_string(), axis));
    }
    extent += shape[axis];
  }
  return first.with(axis, extent);
}

}  // namespace

Variable reshape(const Variable& x, const Shape& shape) {
  if (shape.size() != x.size()) {
    throw ShapeError(fmt::format("reshape: {} has {} elements, {} has {}", x.shape().to_string(), x.size(),
                                 shape.to_string(), shape.size()));
  }
  return record("reshape", {x}, x.value().reshape(shape), keep(),
                [dx = x.sink(), before = x.shape()](const Tensor& dy) { dx.accumulate(dy.reshape(before)); });
}

Variable concatenate(const std::vector<Variable>& parts, int axis) {
  if (parts.empty()) throw ShapeError("concatenate: there is no part");
  axis = parts.front().shape().checked_axis(axis);
  Tensor value(joined_shape(parts, axis));
  const Blocks whole(value.shape(), axis);
  float* out = value.mutable_data();
  std::vector<std::pair<GradientSink, Shape>> inputs;
  for (const Variable& part : parts) {
    const Blocks blocks(part.shape(), axis);
    kernels::copy_blocks(part.value().data(), blocks.length, out, whole.length, blocks.count, blocks.length);
    out += blocks.length;
    inputs.emplace_back(part.sink(), part.shape());
  }
  return record("concatenate", parts, value, keep(), [inputs, whole, axis](const Tensor& dy) {
    const float* in = dy.data();
    for (const auto& [dx, shape] : inputs) {
      const Blocks blocks(shape, axis);
      if (dx.needed()) {
        Tensor grad(shape);
        kernels::copy_blocks(in, whole.length, grad.mutable_data(), blocks.length, blocks.count, blocks.length);
        dx.accumulate(std::move(grad));
      }
      in += blocks.length;
    }
  });
}

Variable slice(const Variable& x, int axis, std::int64_t begin, std::int64_t end) {
  axis = x.shape().checked_axis(axis);
  if (begin < 0 || begin > end || end > x.extent(axis)) {
    throw ShapeError(
        fmt::format("slice: [{}, {}) of axis {} of the shape {}", begin, end, axis, x.shape().to_string()));
  }
  Tensor value(x.shape().with(axis, end - begin));
  const Blocks whole(x.shape(), axis);
  const Blocks part(value.shape(), axis);
  const std::int64_t offset = begin * Blocks(x.shape(), axis + 1).length;
  kernels::copy_blocks(x.value().data() + offset, whole.length, value.mutable_data(), part.length, part.count,
                       part.length);
  return record("slice", {x}, value, keep(), [dx = x.sink(), shape = x.shape(), whole, part, offset](const Tensor& dy) {
    Tensor grad = Tensor::zeros(shape);
    kernels::copy_blocks(dy.data(), part.length, grad.mutable_data() + offset, whole.length, part.count, part.length);
    dx.accumulate(std::move(grad));
  });
}

Variable transpose(const Variable& x) {
  if (x.shape().rank() != 2) {
    throw ShapeError(fmt::format("transpose: a matrix is needed, not {}", x.shape().to_string()));
  }
  return record("transpose", {x}, transposed(x.value()), keep(),
                [dx = x.sink()](const Tensor& dy) { dx.accumulate(transposed(dy)); });
}

}  // namespace canopy
