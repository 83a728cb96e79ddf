// Values and gradients in float against a twin in double.
#pragma once

#include <cmath>
#include <functional>
#include <numbers>
#include <span>
#include <string>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/activation.hpp>
#include <canopy/core/threads.hpp>

#include "support/random_case.hpp"
#include "support/same_bits.hpp"
#include "support/scalar_tape.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

namespace canopy::test {

/// From the elements of the inputs to those of the result.
using Twin = std::function<Reals(const std::vector<Reals>& inputs)>;

using In = const std::vector<Reals>&;

inline std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

inline Variable input(const Tensor& x) { return Variable::parameter(x); }

inline Real activate(Activation activation, const Real& x) {
  switch (activation) {
    case Activation::identity:
      return x;
    case Activation::relu:
      return relu(x);
    case Activation::gelu:
      return x * normal_cdf(x);
    case Activation::gelu_tanh: {
      const Real u = Real(std::sqrt(8 / std::numbers::pi)) * (x + Real(0.044715) * x * x * x);
      return x * sigmoid(u);
    }
    case Activation::sigmoid:
      return sigmoid(x);
    case Activation::tanh:
      return tanh(x);
    case Activation::softplus:
      return softplus(x);
  }
  return x;
}

inline constexpr std::initializer_list<Activation> every_activation = {
    Activation::identity, Activation::relu, Activation::gelu,    Activation::gelu_tanh,
    Activation::sigmoid,  Activation::tanh, Activation::softplus};

/// a . b of n numbers.
inline Real dot(const Real* a, const Real* b, std::size_t n) {
  Real sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// Gradients of sum(y * dy).
inline void backward(Tape& tape, const Variable& y, const Tensor& upstream) {
  tape.backward(record("sum(y * dy)", {y}, Tensor::scalar(0.f), keep(),
                       [dy = y.sink(), upstream](const Tensor&) { dy.accumulate(upstream); }));
}

/// The first element that differs by more than rounding in float explains; empty if none does. Four times the error
/// bound, because functions in registers err by some units more than one rounding; what is subnormal counts as 0.
inline std::string disagreement(const Tensor& found, const std::vector<Uncertain>& expected) {
  if (found.size() != std::ssize(expected)) return fmt::format("{} numbers, not {}", found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& [value, error] = expected[i];
    const double allowed = 4 * 0x1p-24 * error + 0x1p-119;
    if (std::abs(found.data()[i] - value) <= allowed) continue;
    return fmt::format("element {} is {}, not {} +- {:.1e}", i, found.data()[i], value, allowed);
  }
  return {};
}

/// Checks f(), which reads the inputs, and its gradients with a random dy, on one thread and on two. Checks nothing and
/// returns false where the twin meets a decision that rounding may turn.
inline bool check_against_twin(RandomCase& each, const std::vector<Variable>& inputs,
                               const std::function<Variable()>& f, const Twin& twin) {
  ScalarTape scalars;
  std::vector<Reals> reals;
  for (const Variable& input : inputs) {
    reals.emplace_back();
    for (const float v : input.value().elements()) reals.back().push_back(Real::variable(v));
  }
  const Reals outputs = twin(reals);
  if (scalars.is_ambiguous) return false;
  const auto numbers = [](const Reals& of, const auto& number) {
    std::vector<Uncertain> result;
    for (const Real& each_one : of) result.push_back(number(each_one));
    return result;
  };
  const std::vector<Uncertain> values = numbers(outputs, [](const Real& y) { return y.number(); });
  const Tensor upstream = each.normal(f().shape());
  BOOST_TEST_REQUIRE(upstream.size() == std::ssize(outputs), each.description() << " the twin has another size");
  for (std::size_t i = 0; i < outputs.size(); ++i) scalars.seed(outputs[i], upstream.data()[i]);
  scalars.backward();
  std::vector<Tensor> before;
  for (const int threads : {1, 2}) {
    const ThreadGuard guard(threads);
    std::vector<Tensor> results;
    {
      Tape tape;
      const Variable y = f();
      results.push_back(y.value());
      backward(tape, y, upstream);
    }
    const std::string wrong = disagreement(results[0], values);
    BOOST_TEST(wrong.empty(), each.description() << " on " << threads << " threads: value: " << wrong);
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      Variable input = inputs[k];
      results.push_back(input.has_grad() ? input.grad().clone() : Tensor::zeros(input.shape()));
      input.zero_grad();
      const std::string differs =
          disagreement(results.back(), numbers(reals[k], [&](const Real& x) { return scalars.gradient(x); }));
      BOOST_TEST(differs.empty(), each.description()
                                      << " on " << threads << " threads: gradient of input " << k << ": " << differs);
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
      BOOST_TEST(same_bits(results[i], before[i]), each.description() << " array " << i << " on two threads");
    }
    before = std::move(results);
  }
  return true;
}

/// Counts the cases that were checked: `check` returns whether its case was.
inline void check_cases(const std::string& family, std::uint64_t count, const std::function<bool(RandomCase&)>& check) {
  std::uint64_t cases = 0, checked = 0;
  for_each_case(family, count, [&](RandomCase& each) {
    ++cases;
    if (check(each)) ++checked;
  });
  BOOST_TEST(checked * 20 >= cases * 19, family << ": only " << checked << " of " << cases << " cases were checked");
}

}  // namespace canopy::test
