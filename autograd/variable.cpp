#include <canopy/autograd/variable.hpp>

#include <algorithm>
#include <iterator>
#include <span>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>
#include <canopy/core/kernels/rows.hpp>

#include <fmt/format.h>

namespace canopy {

namespace {

thread_local std::span<const detail::Input> inputs_of_closure;

const char* name_of(const detail::GradientSlot& slot) {
  return slot.name.empty() ? "an unnamed variable" : slot.name.c_str();
}

void check_rows(const detail::GradientSlot& slot, const RowGradient& grad) {
  const auto fits = [&] {
    if (slot.shape.rank() < 1 || grad.rows.rank() != 1 || grad.values.rank() != slot.shape.rank()) return false;
    if (grad.values.shape() != slot.shape.with(0, grad.rows.size())) return false;
    std::int64_t before = -1;
    for (const std::int32_t row : grad.rows.elements()) {
      if (row <= before || row >= slot.shape[0]) return false;
      before = row;
    }
    return true;
  };
  if (fits()) return;
  throw ShapeError(fmt::format("the gradient of {}, shape {}, has values {} for {} rows, which must ascend",
                               name_of(slot), slot.shape.to_string(), grad.values.shape().to_string(),
                               grad.rows.size()));
}

// The rows of either, summed where both have one.
RowGradient merge(const RowGradient& a, const RowGradient& b) {
  const std::span<const std::int32_t> left = a.rows.elements(), right = b.rows.elements();
  std::vector<std::int32_t> rows;
  std::set_union(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(rows));
  const auto n = static_cast<std::int64_t>(rows.size());
  RowGradient sum{Indices({n}, rows), Tensor::zeros(a.values.shape().with(0, n))};
  const std::int64_t width = a.values.shape().without(0).size();
  float* values = sum.values.mutable_data();
  for (const RowGradient* part : {&a, &b}) {
    auto place = rows.begin();
    for (std::int64_t i = 0; i < part->rows.size(); ++i) {
      place = std::lower_bound(place, rows.end(), part->rows.data()[i]);
      kernels::add_to(values + (place - rows.begin()) * width, part->values.data() + i * width, width);
    }
  }
  return sum;
}

void add_rows(Tensor& to, const RowGradient& grad) {
  if (grad.rows.empty()) return;
  kernels::scatter_add_rows(grad.values.data(), grad.values.size() / grad.rows.size(), grad.rows.data(),
                            grad.rows.size(), to.mutable_data(), to.extent(0));
}

}  // namespace

const Tensor& detail::GradientSlot::shown_dense() {
  if (!row_grad) return grad;
  if (grad.shape() != shape || shown != row_grad->values.version()) {
    grad = Tensor::zeros(shape);
    add_rows(grad, *row_grad);
    shown = row_grad->values.version();
  }
  return grad;
}

Tensor& detail::GradientSlot::made_dense() {
  shown_dense();
  row_grad.reset();
  return grad;
}

void detail::GradientSlot::clear() {
  grad = Tensor();
  row_grad.reset();
  has_grad = false;
}

detail::RunningClosure::RunningClosure(std::span<const Input> inputs)
    : before_(std::exchange(inputs_of_closure, inputs)) {}
detail::RunningClosure::~RunningClosure() { inputs_of_closure = before_; }

bool detail::leaf_wanted(const GradientSlot& leaf) {
  for (const Input& input : inputs_of_closure) {
    if (input.slot.get() == &leaf) return input.wanted;
  }
  return leaf.requires_grad;
}

void GradientSink::accumulate(Tensor grad) const {
  if (!needed()) return;
  detail::GradientSlot& slot = *slot_;
  if (grad.shape() != slot.shape) {
    throw ShapeError(fmt::format("the gradient of {} has the shape {}, its value {}", name_of(slot),
                                 grad.shape().to_string(), slot.shape.to_string()));
  }
  if (!slot.has_grad) {
    slot.grad = std::move(grad);
    slot.has_grad = true;
  } else if (slot.made_dense().unique()) {
    kernels::add_to(slot.grad.mutable_data(), grad.data(), grad.size());
  } else {  // another gradient shares the buffer
    Tensor sum(slot.shape);
    kernels::add(slot.grad.data(), grad.data(), sum.mutable_data(), sum.size());
    slot.grad = std::move(sum);
  }
}

void GradientSink::accumulate(RowGradient grad) const {
  if (!needed()) return;
  detail::GradientSlot& slot = *slot_;
  check_rows(slot, grad);
  if (!slot.has_grad) {
    slot.row_grad = std::move(grad);
    slot.has_grad = true;
  } else if (slot.row_grad) {
    slot.row_grad = merge(*slot.row_grad, grad);
    slot.grad = Tensor();
  } else {
    if (!slot.grad.unique()) slot.grad = slot.grad.clone();
    add_rows(slot.grad, grad);
  }
}

Variable Variable::parameter(Tensor value, std::string name) {
  auto slot = std::make_shared<detail::GradientSlot>();
  slot->name = std::move(name);
  slot->shape = value.shape();
  return Variable(std::move(value), std::move(slot));
}

void Variable::set_requires_grad(bool wanted) {
  if (!slot_ || slot_->tape != 0) throw TapeError("set_requires_grad: only a parameter can be frozen or thawed");
  slot_->requires_grad = wanted;
  if (!wanted) zero_grad();
}

const Tensor& Variable::grad() const {
  if (!has_grad()) throw TapeError(fmt::format("grad: the variable '{}' has no gradient", name()));
  return slot_->shown_dense();
}

const RowGradient& Variable::row_grad() const {
  if (!has_row_grad()) throw TapeError(fmt::format("row_grad: the variable '{}' has no row-sparse gradient", name()));
  return *slot_->row_grad;
}

Tensor& Variable::mutable_row_values() {
  if (!has_row_grad()) {
    throw TapeError(fmt::format("mutable_row_values: the variable '{}' has no row-sparse gradient", name()));
  }
  slot_->grad = Tensor();  // no longer what the rows look like
  Tensor& values = slot_->row_grad->values;
  if (!values.unique()) values = values.clone();
  return values;
}

Tensor& Variable::mutable_grad() {
  if (!has_grad()) throw TapeError(fmt::format("mutable_grad: the variable '{}' has no gradient", name()));
  if (!slot_->made_dense().unique()) slot_->grad = slot_->grad.clone();
  return slot_->grad;
}

void Variable::zero_grad() {
  if (slot_) slot_->clear();
}

void Variable::retain_grad() {
  if (!slot_) throw TapeError("retain_grad: a constant has no gradient");
  slot_->retain_grad = true;
}

void Variable::pack() {
  if (!slot_) throw TapeError("pack: a constant has no packed copy");
  if (shape().rank() != 2) {
    throw ShapeError(fmt::format("pack: {} has the shape {} where [outputs, inputs] is needed", name_of(*slot_),
                                 shape().to_string()));
  }
  slot_->packed = std::make_shared<const kernels::PackedFactor>(
      kernels::transposed({value_.data(), value_.extent(0), value_.extent(1)}));
  slot_->packed_buffer = value_.version_counter();
  slot_->packed_version = value_.version();
}

const kernels::PackedFactor* Variable::packed() const {
  if (!slot_ || !slot_->packed || value_.version() != slot_->packed_version) return nullptr;
  return slot_->packed_buffer.lock() == value_.version_counter() ? slot_->packed.get() : nullptr;
}

const std::string& Variable::name() const {
  static const std::string none;
  return slot_ ? slot_->name : none;
}

void Variable::set_name(std::string name) {
  if (!slot_) throw TapeError("set_name: a constant has no name");
  slot_->name = std::move(name);
}

}  // namespace canopy
