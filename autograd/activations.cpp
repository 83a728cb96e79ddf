#include <canopy/autograd/activations.hpp>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/kernels/activations.hpp>

namespace canopy {

// The closure holds the one array that backward reads, so that the other can be freed.
Variable activate(Activation activation, const Variable& x) {
  if (activation == Activation::identity) return x;
  Tensor y(x.shape());
  kernels::activate(activation, x.value().data(), y.mutable_data(), y.size());
  const bool reads_input = kernels::backward_reads_input(activation);
  const Tensor held = reads_input ? x.value() : y;
  return record(to_string(activation), {x}, y, keep(held), [=, dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor grad(dy.shape());
    kernels::activate_backward(activation, reads_input ? held.data() : nullptr, reads_input ? nullptr : held.data(),
                               dy.data(), grad.mutable_data(), grad.size());
    dx.accumulate(std::move(grad));
  });
}

Variable relu(const Variable& x) { return activate(Activation::relu, x); }
Variable gelu(const Variable& x) { return activate(Activation::gelu, x); }
Variable gelu_tanh(const Variable& x) { return activate(Activation::gelu_tanh, x); }
Variable sigmoid(const Variable& x) { return activate(Activation::sigmoid, x); }
Variable tanh(const Variable& x) { return activate(Activation::tanh, x); }
Variable softplus(const Variable& x) { return activate(Activation::softplus, x); }

}  // namespace canopy
