// Operations of tests of the tape: recorded by hand, each as small as what it shows allows.
#pragma once

#include <string>
#include <utility>

#include <canopy/autograd/tape.hpp>

namespace canopy::test {

inline Variable number(float value, std::string name = {}) {
  return Variable::parameter(Tensor::scalar(value), std::move(name));
}

inline Tensor scaled(const Tensor& x, float factor) {
  Tensor result = x.clone();
  for (float& v : result.mutable_elements()) v *= factor;
  return result;
}

// x + y, whose gradients are one buffer.
inline Variable plus(const Variable& x, const Variable& y) {
  Tensor sum = x.value().clone();
  for (std::int64_t i = 0; i < sum.size(); ++i) sum.mutable_data()[i] += y.value().data()[i];
  return record("plus", {x, y}, sum, keep(), [dx = x.sink(), dy = y.sink()](const Tensor& g) {
    dx.accumulate(g);
    dy.accumulate(g);
  });
}

// factor * x; needs no array for backward.
inline Variable times(const Variable& x, float factor) {
  return record("times", {x}, scaled(x.value(), factor), keep(),
                [dx = x.sink(), factor](const Tensor& g) { dx.accumulate(scaled(g, factor)); });
}

// x * x of one number; needs x for backward.
inline Variable squared(const Variable& x) {
  return record("square", {x}, scaled(x.value(), x.value().item()),
                [x](const Tensor& g) { x.accumulate(scaled(g, 2 * x.value().item())); });
}

inline Variable identity(const Variable& x, Backward backward, const char* name = "identity") {
  return record(name, {x}, x.value(), keep(), std::move(backward));
}

}  // namespace canopy::test
