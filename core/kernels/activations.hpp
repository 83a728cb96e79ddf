// Activation functions and their derivatives on contiguous arrays of n floats. Outputs may be inputs; other overlap is
// not allowed. Accurate to a few units in the last place; NaN in, NaN out.
//
// A backward computes dx = f'(x) dy from whatever is cheapest: the output y where the derivative is a polynomial of it,
// the input x elsewhere.
#pragma once

#include <cstdint>

#include <canopy/core/activation.hpp>

namespace canopy::kernels {

void relu(const float* x, float* y, std::int64_t n);  ///< y = max(x, 0)
void gelu(const float* x, float* y, std::int64_t n);  ///< y = x Phi(x) = x / 2 erfc(-x / sqrt(2)): exact, no tanh
/// y = x / 2 (1 + tanh(u)) with u = sqrt(2 / pi) (x + 0.044715 x^3)
void gelu_tanh(const float* x, float* y, std::int64_t n);
void sigmoid(const float* x, float* y, std::int64_t n);   ///< y = 1 / (1 + exp(-x))
void tanh(const float* x, float* y, std::int64_t n);      ///< y = tanh(x)
void softplus(const float* x, float* y, std::int64_t n);  ///< y = log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))

void relu_backward(const float* y, const float* dy, float* dx, std::int64_t n);  ///< dy where y > 0, else 0
void gelu_backward(const float* x, const float* dy, float* dx, std::int64_t n);  ///< (Phi(x) + x phi(x)) dy
/// (1 + tanh(u) + x (1 - tanh(u)^2) u') / 2 dy
void gelu_tanh_backward(const float* x, const float* dy, float* dx, std::int64_t n);
void sigmoid_backward(const float* y, const float* dy, float* dx, std::int64_t n);   ///< y (1 - y) dy
void tanh_backward(const float* y, const float* dy, float* dx, std::int64_t n);      ///< (1 - y^2) dy
void softplus_backward(const float* x, const float* dy, float* dx, std::int64_t n);  ///< sigmoid(x) dy

/// y = activation(x).
void activate(Activation activation, const float* x, float* y, std::int64_t n);

/// Whether the activation's backward reads x (gelu, gelu_tanh, softplus); it reads y otherwise, or neither (identity).
bool backward_reads_input(Activation activation);

/// dx = activation'(x) dy. Reads only the one of x and y that `backward_reads_input` names; the other may be null.
void activate_backward(Activation activation, const float* x, const float* y, const float* dy, float* dx,
                       std::int64_t n);

}  // namespace canopy::kernels
