#include <canopy/autograd/variable.hpp>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/elementwise.hpp>

#include <fmt/format.h>

namespace canopy {

void GradientSink::accumulate(Tensor grad) const {
  if (!needed()) return;
  detail::GradientSlot& slot = *slot_;
  if (grad.shape() != slot.shape) {
    throw ShapeError(fmt::format("the gradient of {} has the shape {}, its value {}",
                                 slot.name.empty() ? "an unnamed variable" : slot.name, grad.shape().to_string(),
                                 slot.shape.to_string()));
  }
  if (!slot.has_grad) {
    slot.grad = std::move(grad);
    slot.has_grad = true;
  } else if (slot.grad.unique()) {
    kernels::add_to(slot.grad.mutable_data(), grad.data(), grad.size());
  } else {  // another gradient shares the buffer
    Tensor sum(slot.shape);
    kernels::add(slot.grad.data(), grad.data(), sum.mutable_data(), sum.size());
    slot.grad = std::move(sum);
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
  return slot_->grad;
}

Tensor& Variable::mutable_grad() {
  if (!has_grad()) throw TapeError(fmt::format("mutable_grad: the variable '{}' has no gradient", name()));
  if (!slot_->grad.unique()) slot_->grad = slot_->grad.clone();
  return slot_->grad;
}

void Variable::zero_grad() {
  if (!slot_) return;
  slot_->grad = Tensor();
  slot_->has_grad = false;
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
