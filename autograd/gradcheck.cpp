#include <canopy/autograd/gradcheck.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// sum(c * y) as an operation: the one loss that the check needs.
Variable loss_of(const Variable& y, const Tensor& c) {
  double sum = 0;
  for (std::int64_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y.value().data()[i]) * c.data()[i];
  return record("gradcheck", {y}, Tensor::scalar(static_cast<float>(sum)), keep(), [dy = y.sink(), c](const Tensor& g) {
    Tensor grad = c.clone();
    for (float& v : grad.mutable_elements()) v *= g.item();
    dy.accumulate(std::move(grad));
  });
}

// A derivative and the most that it may be wrong by.
struct Slope {
  double value = 0;
  double uncertainty = infinity;
  double of_rounding = 0;  // the part of it that a smooth function has as well, whose results are as large
};

constexpr std::size_t distances = 8;
using Differences = std::array<double, distances>;

struct Extrapolation {
  double value;    // at the distance 0
  double scatter;  // of the differences about the fit: the standard deviation of t D(t) where h is 1
  double error;    // the standard error of the value in units of the scatter
};

// Extrapolates D(t) = a + b t^2 + c t^4, the central differences at t = h/8, 2h/8, ..., h, to t = 0. Rounding of the
// function makes an error in proportion to 1 / t, so that D(t) has the weight t^2: least squares by orthogonal
// polynomials.
Extrapolation extrapolate(const Differences& differences) {
  constexpr std::size_t terms = 3;
  std::array<Differences, terms> basis;
  Differences weight, rest = differences;
  for (std::size_t i = 0; i < distances; ++i) {
    const double t = static_cast<double>(i + 1) / distances;
    weight[i] = t * t;
    for (std::size_t k = 0; k < terms; ++k) basis[k][i] = std::pow(t, 2 * k);
  }
  const auto inner = [&](const Differences& a, const Differences& b) {
    double sum = 0;
    for (std::size_t i = 0; i < distances; ++i) sum += weight[i] * a[i] * b[i];
    return sum;
  };
  const auto subtract = [](Differences& from, double factor, const Differences& other) {
    for (std::size_t i = 0; i < distances; ++i) from[i] -= factor * other[i];
  };
  double value = 0, variance = 0;
  std::array<double, terms> at_zero = {1, 0, 0};  // the basis there
  for (std::size_t k = 0; k < terms; ++k) {
    for (std::size_t j = 0; j < k; ++j) {
      const double projection = inner(basis[k], basis[j]) / inner(basis[j], basis[j]);
      subtract(basis[k], projection, basis[j]);
      at_zero[k] -= projection * at_zero[j];
    }
    const double square = inner(basis[k], basis[k]);
    const double coefficient = inner(rest, basis[k]) / square;
    subtract(rest, coefficient, basis[k]);
    value += coefficient * at_zero[k];
    variance += at_zero[k] * at_zero[k] / square;
  }
  return {value, std::sqrt(inner(rest, rest) / (distances - terms)), std::sqrt(variance)};
}

// sum(c * f) along one element of one input.
class Line {
 public:
  // `values` gives f's result where the element is x, and x itself as it was used.
  using Values = std::function<std::vector<double>(double& x)>;

  Line(double x, double epsilon, const Tensor& c, Values values)
      : x_(x), epsilon_(epsilon), c_(c), values_(std::move(values)) {}

  // From the reach whose extrapolation is least uncertain: of the scatter there or, where that is larger, the rounding
  // that shows at shorter reaches. Six standard errors cover the next term of the series (at most 2.7) and jumps and
  // kinks beyond the shortest distance (at most 5.8).
  Slope slope(double reach, double relative_tolerance) const {
    struct Fit {
      double h;
      Extrapolation at_zero;
    };
    constexpr double standard_errors = 6;
    std::vector<Fit> fits;
    Slope best;
    double of_rounding = 0;
    for (int halvings = 0; halvings <= 12; halvings += 2) {
      const double h = std::ldexp(reach * std::max(1., std::abs(x_)), -halvings);
      double rounding = 0;
      Differences differences;
      for (std::size_t i = 0; i < distances; ++i) {
        differences[i] = difference(h * static_cast<double>(i + 1) / distances, rounding);
      }
      fits.push_back({h, extrapolate(differences)});
      if (halvings == 0) of_rounding = standard_errors * fits.back().at_zero.error * rounding / h;
      rounding = std::max(rounding, h * fits.back().at_zero.scatter);
      best = {};
      for (std::size_t i = fits.size() - 1; i-- > 0;) {
        const auto& [width, fit] = fits[i];
        rounding = std::max(rounding, width * fit.scatter);
        const double uncertainty = standard_errors * fit.error * rounding / width;
        if (std::isfinite(fit.scatter) && uncertainty < best.uncertainty) best = {fit.value, uncertainty, of_rounding};
      }
      if (best.uncertainty <= relative_tolerance * std::abs(best.value) / 4) break;
    }
    return best;
  }

 private:
  // Result by result, so that those which do not depend on the element cancel.
  double difference(double t, double& rounding) const {
    double above = x_ + t, below = x_ - t;
    const std::vector<double> high = values_(above), low = values_(below);
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < high.size(); ++i) {
      const double c = c_.data()[i];
      if (high[i] != low[i]) sum += c * (high[i] - low[i]);
      squares += c * c * std::max(high[i] * high[i], low[i] * low[i]);
    }
    rounding = std::max(rounding, epsilon_ / 2 * std::sqrt(squares));
    return sum / (above - below);
  }

  double x_, epsilon_;
  const Tensor& c_;
  Values values_;
};

std::vector<double> widened(const Tensor& x) { return {x.elements().begin(), x.elements().end()}; }

// The slope along every element of inputs[k].
std::vector<Slope> slopes_of(const std::function<Variable()>& f, std::vector<Variable>& inputs, std::size_t k,
                             const Tensor& c, const GradcheckOptions& options) {
  std::vector<std::vector<double>> wide;
  if (options.twin) {
    for (const Variable& input : inputs) wide.push_back(widened(input.value()));
  }
  const auto by_twin = [&](std::size_t i, double x) {
    const double before = std::exchange(wide[k][i], x);
    std::vector<double> y = options.twin(wide);
    wide[k][i] = before;
    if (std::ssize(y) != c.size()) {
      throw ShapeError(fmt::format("gradcheck: the twin gives {} numbers, the function {}", y.size(), c.size()));
    }
    return y;
  };
  float* data = inputs[k].mutable_value().mutable_data();
  const auto by_function = [&](std::size_t i, double& x) {
    const float before = std::exchange(data[i], static_cast<float>(x));
    x = data[i];
    std::vector<double> y = widened(f().value());
    data[i] = before;
    return y;
  };
  std::vector<Slope> slopes;
  for (std::size_t i = 0; i < static_cast<std::size_t>(inputs[k].size()); ++i) {
    const Line line =
        options.twin
            ? Line(data[i], std::numeric_limits<double>::epsilon(), c, [&, i](double& x) { return by_twin(i, x); })
            : Line(data[i], std::numeric_limits<float>::epsilon(), c, [&, i](double& x) { return by_function(i, x); });
    slopes.push_back(line.slope(options.reach, options.relative_tolerance));
  }
  return slopes;
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
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    Variable& input = inputs[k];
    const Tensor grad = input.has_grad() ? input.grad().clone() : Tensor::zeros(input.shape());
    const std::vector<Slope> slopes = slopes_of(f, inputs, k, c, options);
    double largest = 0;
    for (const Slope& slope : slopes)
      largest = std::max(largest, std::isfinite(slope.value) ? std::abs(slope.value) : 0);
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      const auto& [slope, uncertainty, of_rounding] = slopes[i];
      const double tape = grad.data()[i], tolerance = options.absolute_tolerance;
      const double allowed = tolerance + options.relative_tolerance * std::abs(slope) + uncertainty;
      const bool certain = uncertainty <= tolerance + 0.01 * largest + 100 * of_rounding;
      double error = certain ? std::abs(tape - slope) / allowed : infinity;
      if (std::isnan(error)) error = infinity;
      if (error > 1) result.passed = false;
      if (error < result.worst || (error == result.worst && !result.message.empty())) continue;
      result.worst = error;
      result.message =
          fmt::format("input {} '{}', element {}: tape {}, central difference {} +- {:.1e}{}", k, input.name(), i, tape,
                      slope, uncertainty, certain ? "" : ", too uncertain: f is not smooth there");
    }
    input.zero_grad();
  }
  return result;
}

}  // namespace canopy
