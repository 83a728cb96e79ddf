// Differentiable activation functions, element by element; the result has the shape of x.
#pragma once

#include <canopy/autograd/variable.hpp>
#include <canopy/core/activation.hpp>

namespace canopy {

Variable relu(const Variable& x);  ///< max(x, 0); the slope at 0 is 0
Variable gelu(const Variable& x);  ///< x Phi(x) with the normal distribution's Phi: the exact form (Hendrycks 2016)
/// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): what GPT-2 and some BERTs were trained with
Variable gelu_tanh(const Variable& x);
Variable sigmoid(const Variable& x);   ///< 1 / (1 + exp(-x))
Variable tanh(const Variable& x);      ///< the hyperbolic tangent
Variable softplus(const Variable& x);  ///< log(1 + exp(x)), without overflow

/// The one of that name; `identity` returns x itself.
Variable activate(Activation activation, const Variable& x);

}  // namespace canopy
