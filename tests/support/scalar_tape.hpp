// Automatic differentiation in double, one number at a time: the twin of operations and layers in float. Twins are
// plain loops over Reals; their gradients follow from the derivatives of the few elementary functions here.
//
// Beside each value and each gradient stands how large rounding errors can become when the same is computed in floats,
// in units of a float's rounding (running error analysis, Wilkinson 1963): what a float result may differ by.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

namespace canopy::test {

struct Uncertain {
  double value = 0;
  double error = 0;  ///< at most, in units of 2^-24

  /// The float with this value: exact.
  Uncertain(double exact = 0) : value(exact) {}  // NOLINT(google-explicit-constructor): numbers convert
  Uncertain(double v, double e) : value(v), error(e) {}
};

// Errors of the operands are passed on, that of rounding the result is added.
inline Uncertain operator+(Uncertain a, Uncertain b) {
  return {a.value + b.value, a.error + b.error + std::abs(a.value + b.value)};
}
inline Uncertain operator*(Uncertain a, Uncertain b) {
  const double y = a.value * b.value;
  return {y, std::abs(a.value) * b.error + std::abs(b.value) * a.error + std::abs(y)};
}
inline Uncertain operator/(Uncertain a, Uncertain b) {
  const double y = a.value / b.value;
  return {y, (a.error + std::abs(y) * b.error) / std::abs(b.value) + std::abs(y)};
}
inline Uncertain operator-(Uncertain a) { return {-a.value, a.error}; }
inline Uncertain operator-(Uncertain a, Uncertain b) { return a + -b; }

class Real;

/// What Reals of this thread are recorded on while it lives.
class ScalarTape {
 public:
  ScalarTape() { live() = this; }
  ~ScalarTape() { live() = nullptr; }
  ScalarTape(const ScalarTape&) = delete;
  ScalarTape& operator=(const ScalarTape&) = delete;

  static ScalarTape*& live() {
    thread_local ScalarTape* tape = nullptr;
    return tape;
  }

  /// Adds to the gradient of a result, before backward().
  void seed(const Real& y, double gradient);
  void backward();
  Uncertain gradient(const Real& x) const;

  /// Set where a decision (a kink, a branch, an order) stood so close that floats may decide otherwise.
  bool is_ambiguous = false;

 private:
  friend class Real;
  struct Operand {
    std::int64_t index = -1;
    Uncertain slope;
  };
  struct Node {
    Operand a, b;
    Uncertain gradient;
  };
  std::vector<Node> nodes_;
};

/// A number that remembers how it was computed.
class Real {
 public:
  /// A constant that is a float.
  Real(double value = 0) : number_(value) {}  // NOLINT(google-explicit-constructor): numbers convert

  /// A number that has a gradient.
  static Real variable(double value) { return Real(Uncertain(value), {}, {}); }

  double value() const { return number_.value; }
  const Uncertain& number() const { return number_; }

  /// Whether this is above 0; notes where floats may say otherwise.
  bool is_positive() const {
    if (std::abs(value()) <= 8 * number_.error * 0x1p-24) ScalarTape::live()->is_ambiguous = true;
    return value() > 0;
  }

  friend Real operator+(const Real& a, const Real& b) { return {a.number_ + b.number_, {a, 1}, {b, 1}}; }
  friend Real operator-(const Real& a, const Real& b) { return {a.number_ - b.number_, {a, 1}, {b, -1}}; }
  friend Real operator*(const Real& a, const Real& b) {
    return {a.number_ * b.number_, {a, b.number_}, {b, a.number_}};
  }
  friend Real operator/(const Real& a, const Real& b) {
    const Uncertain y = a.number_ / b.number_;
    return {y, {a, Uncertain(1) / b.number_}, {b, -y / b.number_}};
  }
  friend Real operator-(const Real& a) { return {-a.number_, {a, -1}}; }
  Real& operator+=(const Real& b) { return *this = *this + b; }

  friend Real exp(const Real& a) {
    const Uncertain y = applied(a, std::exp(a.value()), std::exp(a.value()));
    return {y, {a, y}};
  }
  friend Real expm1(const Real& a) {
    return {applied(a, std::expm1(a.value()), std::exp(a.value())), {a, exp(a.number_)}};
  }
  friend Real log(const Real& a) {
    return {applied(a, std::log(a.value()), 1 / a.value()), {a, Uncertain(1) / a.number_}};
  }
  friend Real log1p(const Real& a) {
    return {applied(a, std::log1p(a.value()), 1 / (1 + a.value())), {a, Uncertain(1) / (Uncertain(1) + a.number_)}};
  }
  friend Real sqrt(const Real& a) {
    const Uncertain y = applied(a, std::sqrt(a.value()), 0.5 / std::sqrt(a.value()));
    return {y, {a, Uncertain(0.5) / y}};
  }
  friend Real tanh(const Real& a) {
    const double t = std::tanh(a.value());
    const Uncertain y = applied(a, t, 1 - t * t);
    return {y, {a, Uncertain(1) - y * y}};
  }
  /// 1 / (1 + e^-a)
  friend Real sigmoid(const Real& a) {
    const double s = 1 / (1 + std::exp(-a.value()));
    const Uncertain y = applied(a, s, s * (1 - s));
    return {y, {a, y * (Uncertain(1) - y)}};
  }
  /// log(1 + e^a)
  friend Real softplus(const Real& a) {
    const double s = 1 / (1 + std::exp(-a.value()));
    const double y = std::max(a.value(), 0.) + std::log1p(std::exp(-std::abs(a.value())));
    return {applied(a, y, s), {a, applied(a, s, s * (1 - s))}};
  }
  /// The standard normal distribution. Floats keep its absolute accuracy, not the relative one of its tail.
  friend Real normal_cdf(const Real& a) {
    const double x = a.value();
    const double density = std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
    Uncertain y = applied(a, std::erfc(-x / std::numbers::sqrt2) / 2, density);
    y.error += 0.125;
    return {y, {a, {density, std::abs(x) * density * a.number_.error + density * (1 + x * x)}}};
  }
  friend Real abs(const Real& a) { return a.is_positive() ? a : -a; }
  friend Real relu(const Real& a) { return a.is_positive() ? a : Real(0.); }
  friend Real square(const Real& a) { return a * a; }
  /// a^e for a constant e and a > 0.
  friend Real pow(const Real& a, double e) {
    const double x = a.value(), y = std::pow(x, e);
    return {applied(a, y, e * y / x), {a, applied(a, e * y / x, e * (e - 1) * y / (x * x))}};
  }
  /// a^e for a > 0.
  friend Real pow(const Real& a, const Real& e) {
    const double x = a.value(), p = e.value(), y = std::pow(x, p), l = std::log(x);
    const double by_a = p * y / x, by_e = y * l;
    const auto error = [&](double of, double by_base, double by_exponent) {
      return Uncertain(
          of, 2 * std::abs(of) + std::abs(by_base) * a.number_.error + std::abs(by_exponent) * e.number_.error);
    };
    return {error(y, by_a, by_e),
            {a, error(by_a, p * (p - 1) * y / (x * x), y / x * (1 + p * l))},
            {e, error(by_e, y / x * (1 + p * l), y * l * l)}};
  }

  /// The value of one number with the gradient of another: a straight-through estimator.
  static Real straight_through(const Real& value, const Real& gradient) { return {value.number_, {gradient, 1}}; }

 private:
  friend class ScalarTape;
  struct Operand {
    Operand() : index(-1) {}
    Operand(const Real& of, const Uncertain& by) : index(of.index_), slope(by) {}
    std::int64_t index;
    Uncertain slope;
  };

  Real(const Uncertain& number, const Operand& a, const Operand& b = {}) : number_(number) {
    auto& nodes = ScalarTape::live()->nodes_;
    index_ = static_cast<std::int64_t>(nodes.size());
    nodes.push_back({{a.index, a.slope}, {b.index, b.slope}, {}});
  }

  // f(a) with the derivative there, computed to a few units in the last place.
  static Uncertain applied(const Real& a, double f, double slope) {
    return {f, 2 * std::abs(f) + std::abs(slope) * a.number_.error};
  }
  static Uncertain exp(const Uncertain& a) {
    const double y = std::exp(a.value);
    return {y, y * (2 + a.error)};
  }

  Uncertain number_;
  std::int64_t index_ = -1;
};

inline void ScalarTape::seed(const Real& y, double gradient) {
  if (y.index_ < 0) return;
  Uncertain& sum = nodes_[static_cast<std::size_t>(y.index_)].gradient;
  sum = sum + Uncertain(gradient);
}

inline void ScalarTape::backward() {
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (node->gradient.value == 0 && node->gradient.error == 0) continue;
    for (const Operand& operand : {node->a, node->b}) {
      if (operand.index < 0) continue;
      Uncertain& sum = nodes_[static_cast<std::size_t>(operand.index)].gradient;
      sum = sum + node->gradient * operand.slope;
    }
  }
}

inline Uncertain ScalarTape::gradient(const Real& x) const {
  return nodes_[static_cast<std::size_t>(x.index_)].gradient;
}

using Reals = std::vector<Real>;

}  // namespace canopy::test
