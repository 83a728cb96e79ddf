#include <canopy/autograd/arithmetic.hpp>

#include <algorithm>
#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/reductions.hpp>
#include <canopy/core/xtensor.hpp>

namespace canopy {
namespace {

using Kernel = void (*)(const float*, const float*, float*, std::int64_t);
using RowKernel = void (*)(const float*, const float*, float*, std::int64_t, std::int64_t);

// Whether `b` is the same for every index of `a`'s leading axes: [n] or [1, n] against [m, n], or a single number.
bool is_row_of(const Shape& b, const Shape& a) {
  const std::int64_t* first = std::find_if(b.begin(), b.end(), [](std::int64_t extent) { return extent != 1; });
  const auto axes = b.end() - first;
  return b.rank() <= a.rank() && std::equal(first, b.end(), a.end() - axes, a.end());
}

// Whether `b` is the same for every index of `a`'s last axis: [m, 1] against [m, n].
bool is_column_of(const Shape& b, const Shape& a) {
  return a.rank() > 0 && b.rank() == a.rank() && b[-1] == 1 && std::equal(b.begin(), b.end() - 1, a.begin());
}

Tensor apply(Kernel kernel, const Tensor& a, const Tensor& b) {
  Tensor y(a.shape());
  kernel(a.data(), b.data(), y.mutable_data(), y.size());
  return y;
}

Tensor apply(RowKernel kernel, const Tensor& a, const Tensor& row) {
  Tensor y(a.shape());
  kernel(a.data(), row.data(), y.mutable_data(), row.empty() ? 0 : y.size() / row.size(), row.size());
  return y;
}

// Rows have a kernel of their own; other operands are stretched to the common shape first.
Tensor combine(Kernel kernel, RowKernel row_kernel, const Tensor& a, const Tensor& b) {
  if (a.shape() == b.shape()) return apply(kernel, a, b);
  if (is_row_of(b.shape(), a.shape())) return apply(row_kernel, a, b);
  const Shape shape = broadcast(a.shape(), b.shape(), "arithmetic");
  return apply(kernel, broadcast_to(a, shape), broadcast_to(b, shape));
}

Tensor add(const Tensor& a, const Tensor& b) {
  if (is_row_of(a.shape(), b.shape())) return combine(kernels::add, kernels::add_row, b, a);
  return combine(kernels::add, kernels::add_row, a, b);
}

Tensor subtract(const Tensor& a, const Tensor& b) { return combine(kernels::subtract, kernels::subtract_row, a, b); }

Tensor multiply_column(const Tensor& matrix, const Tensor& column) {
  Tensor y(matrix.shape());
  kernels::multiply_column(matrix.data(), column.data(), y.mutable_data(), column.size(), matrix.extent(-1));
  return y;
}

Tensor multiply(const Tensor& a, const Tensor& b) {
  if (is_row_of(a.shape(), b.shape())) return combine(kernels::multiply, kernels::multiply_row, b, a);
  if (is_column_of(a.shape(), b.shape())) return multiply_column(b, a);
  if (is_column_of(b.shape(), a.shape())) return multiply_column(a, b);
  return combine(kernels::multiply, kernels::multiply_row, a, b);
}

Tensor divide(const Tensor& a, const Tensor& b) { return combine(kernels::divide, kernels::divide_row, a, b); }

Tensor scale(const Tensor& x, float factor) {
  Tensor y(x.shape());
  kernels::scale(x.data(), factor, y.mutable_data(), y.size());
  return y;
}

Tensor negate(const Tensor& x) {
  Tensor y(x.shape());
  kernels::negate(x.data(), y.mutable_data(), y.size());
  return y;
}

Tensor add_scalar(const Tensor& x, float term) {
  Tensor y(x.shape());
  kernels::add_scalar(x.data(), term, y.mutable_data(), y.size());
  return y;
}

// The value, if backward will need it.
Tensor held_if(bool needed, const Variable& x) { return needed ? x.value() : Tensor(); }

}  // namespace

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int added = shape.rank() - x.rank();
  const auto source = [&](int axis) { return axis < added ? 1 : x.extent(axis - added); };
  Tensor result = x;
  // From the last axis on, neighbouring axes of extent 1 at once: result is [outer, inner], to be [outer, n, inner].
  std::int64_t inner = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    std::int64_t n = 1;
    for (; axis >= 0 && source(axis) == 1; --axis) n *= shape[axis];
    if (n != 1) {
      const std::int64_t outer = inner == 0 ? 0 : result.size() / inner;
      Tensor repeated({outer, n, inner});
      kernels::expand_axis(result.data(), 1.f, repeated.mutable_data(), outer, n, inner);
      result = std::move(repeated);
    }
    inner *= n;
    if (axis >= 0) inner *= shape[axis];
  }
  return result.reshape(shape);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int added = x.rank() - shape.rank();
  const auto target = [&](int axis) { return axis < added ? 1 : shape[axis - added]; };
  Tensor result = x;
  // Neighbouring axes that were stretched are summed at once; axes keep their numbers, with extent 1, until the end.
  for (int axis = 0; axis < x.rank(); ++axis) {
    std::int64_t outer = 1, n = 1, inner = 1;
    Shape reduced = result.shape();
    for (int before = 0; before < axis; ++before) outer *= result.extent(before);
    for (; axis < x.rank() && target(axis) == 1; ++axis) {
      n *= result.extent(axis);
      reduced = reduced.with(axis, 1);
    }
    if (n == 1) continue;
    for (int after = axis; after < x.rank(); ++after) inner *= result.extent(after);
    Tensor sum(reduced);
    kernels::sum_axis(result.data(), sum.mutable_data(), outer, n, inner);
    result = std::move(sum);
  }
  return result.reshape(shape);
}

Variable operator+(const Variable& a, const Variable& b) {
  broadcast(a.shape(), b.shape(), "add");
  return record("add", {a, b}, add(a.value(), b.value()), keep(),
                [da = a.sink(), db = b.sink(), sa = a.shape(), sb = b.shape()](const Tensor& dy) {
                  if (da.needed()) da.accumulate(sum_to(dy, sa));
                  if (db.needed()) db.accumulate(sum_to(dy, sb));
                });
}

Variable operator-(const Variable& a, const Variable& b) {
  broadcast(a.shape(), b.shape(), "subtract");
  return record("subtract", {a, b}, subtract(a.value(), b.value()), keep(),
                [da = a.sink(), db = b.sink(), sa = a.shape(), sb = b.shape()](const Tensor& dy) {
                  if (da.needed()) da.accumulate(sum_to(dy, sa));
                  if (db.needed()) db.accumulate(negate(sum_to(dy, sb)));
                });
}

// d(a b) = b da + a db: each operand is kept only for the other's sake.
Variable operator*(const Variable& a, const Variable& b) {
  broadcast(a.shape(), b.shape(), "multiply");
  const Tensor va = held_if(b.requires_grad(), a);
  const Tensor vb = held_if(a.requires_grad(), b);
  return record("multiply", {a, b}, multiply(a.value(), b.value()), keep(va, vb),
                [=, da = a.sink(), db = b.sink(), sa = a.shape(), sb = b.shape()](const Tensor& dy) {
                  if (da.needed()) da.accumulate(sum_to(multiply(dy, vb), sa));
                  if (db.needed()) db.accumulate(sum_to(multiply(dy, va), sb));
                });
}

// y = a / b;  dy/da = 1 / b;  dy/db = -y / b
Variable operator/(const Variable& a, const Variable& b) {
  broadcast(a.shape(), b.shape(), "divide");
  Tensor y = divide(a.value(), b.value());
  const Tensor vb = b.value();
  const Tensor held_y = b.requires_grad() ? y : Tensor();
  return record("divide", {a, b}, y, keep(vb, held_y),
                [=, da = a.sink(), db = b.sink(), sa = a.shape(), sb = b.shape()](const Tensor& dy) {
                  if (da.needed()) da.accumulate(sum_to(divide(dy, vb), sa));
                  if (db.needed()) db.accumulate(negate(sum_to(divide(multiply(dy, held_y), vb), sb)));
                });
}

Variable operator+(const Variable& a, float b) {
  return record("add", {a}, add_scalar(a.value(), b), keep(), [da = a.sink()](const Tensor& dy) { da.accumulate(dy); });
}
Variable operator-(const Variable& a, float b) { return a + -b; }
Variable operator+(float a, const Variable& b) { return b + a; }
Variable operator-(float a, const Variable& b) {
  Tensor y = negate(b.value());
  kernels::add_scalar(y.data(), a, y.mutable_data(), y.size());
  return record("subtract", {b}, y, keep(), [db = b.sink()](const Tensor& dy) {
    if (db.needed()) db.accumulate(negate(dy));
  });
}

Variable operator*(const Variable& a, float b) {
  return record("multiply", {a}, scale(a.value(), b), keep(), [da = a.sink(), b](const Tensor& dy) {
    if (da.needed()) da.accumulate(scale(dy, b));
  });
}
Variable operator*(float a, const Variable& b) { return b * a; }
Variable operator/(const Variable& a, float b) { return a / Variable(Tensor::scalar(b)); }
Variable operator/(float a, const Variable& b) { return Variable(Tensor::scalar(a)) / b; }

Variable operator-(const Variable& x) {
  return record("negate", {x}, negate(x.value()), keep(), [dx = x.sink()](const Tensor& dy) {
    if (dx.needed()) dx.accumulate(negate(dy));
  });
}

// d(e^x) = e^x dx
Variable exp(const Variable& x) {
  Tensor y(x.shape());
  kernels::exp(x.value().data(), y.mutable_data(), y.size());
  return record("exp", {x}, y, keep(y), [y, dx = x.sink()](const Tensor& dy) {
    if (dx.needed()) dx.accumulate(multiply(dy, y));
  });
}

// d(e^x - 1) = e^x dx, which y + 1 would cancel where y is close to -1
Variable expm1(const Variable& x) {
  Tensor y(x.shape());
  kernels::expm1(x.value().data(), y.mutable_data(), y.size());
  return record("expm1", {x}, y, keep(x.value()), [v = x.value(), dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor slope(v.shape());
    kernels::exp(v.data(), slope.mutable_data(), slope.size());
    dx.accumulate(multiply(dy, slope));
  });
}

// d(log x) = dx / x
Variable log(const Variable& x) {
  Tensor y(x.shape());
  kernels::log(x.value().data(), y.mutable_data(), y.size());
  return record("log", {x}, y, keep(x.value()), [v = x.value(), dx = x.sink()](const Tensor& dy) {
    if (dx.needed()) dx.accumulate(divide(dy, v));
  });
}

// d(log(1 + x)) = dx / (1 + x)
Variable log1p(const Variable& x) {
  Tensor y(x.shape());
  kernels::log1p(x.value().data(), y.mutable_data(), y.size());
  return record("log1p", {x}, y, keep(x.value()), [v = x.value(), dx = x.sink()](const Tensor& dy) {
    if (dx.needed()) dx.accumulate(divide(dy, add_scalar(v, 1.f)));
  });
}

// d(sqrt x) = dx / (2 sqrt x)
Variable sqrt(const Variable& x) {
  Tensor y(x.shape());
  kernels::sqrt(x.value().data(), y.mutable_data(), y.size());
  return record("sqrt", {x}, y, keep(y), [y, dx = x.sink()](const Tensor& dy) {
    if (dx.needed()) dx.accumulate(evaluate(0.5f * view(dy) / view(y)));
  });
}

// d(x^2) = 2 x dx
Variable square(const Variable& x) {
  Tensor y(x.shape());
  kernels::square(x.value().data(), y.mutable_data(), y.size());
  return record("square", {x}, y, keep(x.value()), [v = x.value(), dx = x.sink()](const Tensor& dy) {
    if (dx.needed()) dx.accumulate(evaluate(2.f * view(dy) * view(v)));
  });
}

// d|x| = sign(x) dx
Variable abs(const Variable& x) {
  Tensor y(x.shape());
  kernels::abs(x.value().data(), y.mutable_data(), y.size());
  return record("abs", {x}, y, keep(x.value()), [v = x.value(), dx = x.sink()](const Tensor& dy) {
    if (dx.needed()) dx.accumulate(evaluate(view(dy) * xt::sign(view(v))));
  });
}

}  // namespace canopy
