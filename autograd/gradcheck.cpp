#include <canopy/autograd/gradcheck.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/random.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

double weighted_sum(const Tensor& y, const Tensor& c) {
  double sum = 0;
  for (std::int64_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y.data()[i]) * c.data()[i];
  return sum;
}

// sum(c * y) as an operation: the one loss that the check needs.
Variable loss_of(const Variable& y, const Tensor& c) {
  const auto value = static_cast<float>(weighted_sum(y.value(), c));
  return record("gradcheck", {y}, Tensor::scalar(value), keep(), [dy = y.sink(), c](const Tensor& g) {
    Tensor grad = c.clone();
    for (float& v : grad.mutable_elements()) v *= g.item();
    dy.accumulate(std::move(grad));
  });
}

}  // namespace

GradcheckResult gradcheck(const std::function<Variable()>& f, std::vector<Variable> inputs,
                          const GradcheckOptions& options) {
  Tensor c;
  for (Variable& input : inputs) input.zero_grad();
  {
    Tape tape;
    const Variable y = f();
    c = Tensor(y.shape());
    RandomStream(0, "gradcheck").fill_uniform(c.mutable_elements(), 0.5f, 1.5f);
    tape.backward(loss_of(y, c));
  }
  GradcheckResult result;
  double worst = -1;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    Variable& input = inputs[k];
    const Tensor grad = input.has_grad() ? input.grad().clone() : Tensor::zeros(input.shape());
    Tensor difference(input.shape());
    float* x = input.mutable_value().mutable_data();
    for (std::int64_t i = 0; i < input.size(); ++i) {
      const float before = x[i];
      x[i] = before + options.step;
      const double above = weighted_sum(f().value(), c);
      x[i] = before - options.step;
      const double below = weighted_sum(f().value(), c);
      const double width = (static_cast<double>(before) + options.step) - (static_cast<double>(before) - options.step);
      x[i] = before;
      difference.mutable_data()[i] = static_cast<float>((above - below) / width);
    }
    float largest = 0;
    for (const float v : difference.elements()) {
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
    }
    const float allowed = options.absolute_tolerance + options.relative_tolerance * largest;
    for (std::int64_t i = 0; i < input.size(); ++i) {
      float error = std::abs(grad.data()[i] - difference.data()[i]);
      if (std::isnan(error)) error = std::numeric_limits<float>::infinity();
      if (error > allowed) result.passed = false;
      if (error / allowed <= worst) continue;
      worst = error / allowed;
      result.worst = error / std::max(largest, 1e-30f);
      result.message = fmt::format("input {} '{}', element {}: tape {}, central difference {}", k, input.name(), i,
                                   grad.data()[i], difference.data()[i]);
    }
    input.zero_grad();
  }
  return result;
}

}  // namespace canopy
