// Functions of one number over the whole range of floats, values and gradients, at every place of a register.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include <canopy/autograd/activations.hpp>
#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/power.hpp>
#include <canopy/autograd/selection.hpp>

#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(random_floats)

using test::input;
using test::RandomCase;
using test::to_size;

namespace {

// f and f' for any float, with the conventions at kinks; what is not written here follows from IEEE arithmetic in
// double.
struct Pointwise {
  const char* name;
  Variable (*f)(const Variable&);
  double (*value)(double);
  double (*slope)(double);
  double ulps;       // of the value, as in tests/core/vectorised_functions.cpp
  double floor = 0;  // what counts as large where results are smaller
  double slack = 0;  // of the slope, beside 4 units in its last place: where it comes from a rounded value
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }
double density(double x) { return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2; }
double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double max_with_nan(double low, double x) { return std::isnan(x) ? x : std::max(low, x); }

const std::vector<Pointwise> pointwise{
    {"exp", [](const Variable& x) { return exp(x); }, [](double x) { return std::exp(x); },
     [](double x) { return std::exp(x); }, 1.5},
    {"expm1", [](const Variable& x) { return expm1(x); }, [](double x) { return std::expm1(x); },
     [](double x) { return std::exp(x); }, 1.5},
    {"log", [](const Variable& x) { return log(x); }, [](double x) { return std::log(x); },
     [](double x) { return 1 / x; }, 1},
    {"log1p", [](const Variable& x) { return log1p(x); }, [](double x) { return std::log1p(x); },
     [](double x) { return 1 / (1 + x); }, 1},
    {"sqrt", [](const Variable& x) { return sqrt(x); }, [](double x) { return std::sqrt(x); },
     [](double x) { return 0.5 / std::sqrt(x); }, 0.5},
    {"square", [](const Variable& x) { return square(x); }, [](double x) { return x * x; },
     [](double x) { return 2 * x; }, 0.5},
    {"abs", [](const Variable& x) { return abs(x); }, [](double x) { return std::abs(x); }, sign, 0},
    {"relu", [](const Variable& x) { return relu(x); }, [](double x) { return max_with_nan(0, x); },
     [](double x) { return x > 0 ? 1. : 0.; }, 0},
    {"gelu", [](const Variable& x) { return gelu(x); }, [](double x) { return x * cdf(x); },
     [](double x) { return cdf(x) + x * density(x); }, 8, 0.125, 0x1p-22},
    {"sigmoid", [](const Variable& x) { return sigmoid(x); }, logistic,
     [](double x) { return logistic(x) * logistic(-x); }, 3, 0, 0x1p-22},
    {"tanh", [](const Variable& x) { return canopy::tanh(x); }, [](double x) { return std::tanh(x); },
     [](double x) { return 4 * logistic(2 * x) * logistic(-2 * x); }, 2, 0, 0x1.8p-22},
    {"softplus", [](const Variable& x) { return softplus(x); },
     [](double x) { return max_with_nan(0, x) + std::log1p(std::exp(-std::abs(x))); }, logistic, 3},
    {"clamp", [](const Variable& x) { return clamp(x, -1.f, 0.5f); },
     [](double x) { return std::isnan(x) ? x : std::clamp(x, -1., 0.5); },
     [](double x) { return x >= -1 && x <= 0.5 ? 1. : 0.; }, 0},
    {"pow 3", [](const Variable& x) { return pow(x, 3.f); }, [](double x) { return std::pow(x, 3); },
     [](double x) { return 3 * x * x; }, 0.51},
    {"pow 1/2", [](const Variable& x) { return pow(x, 0.5f); }, [](double x) { return std::pow(x, 0.5); },
     [](double x) { return 0.5 * std::pow(x, -0.5); }, 0.51},
    {"pow -1", [](const Variable& x) { return pow(x, -1.f); }, [](double x) { return std::pow(x, -1); },
     [](double x) { return -std::pow(x, -2); }, 0.51},
};

constexpr double smallest = 0x1p-126, past_the_largest = 0x1p128;

// |found - exact| is at most `ulps` of `exact`, or of `floor` where that is larger, and `slack`. Infinity is the number
// after the largest; what is subnormal counts as 0.
bool close(float found, double exact, double ulps, double floor, double slack) {
  if (std::isnan(exact) || std::isnan(found)) return std::isnan(exact) && std::isnan(found);
  const auto bounded = [](double v) { return std::clamp(v, -past_the_largest, past_the_largest); };
  const double magnitude = std::min(std::max({std::abs(exact), floor, smallest}), 0x1.fffffep127);
  const double unit = std::ldexp(1., std::ilogb(magnitude) - 23);
  return std::abs(bounded(found) - bounded(exact)) <= ulps * unit + slack + 128 * smallest;
}

float any_float(RandomCase& each) {
  constexpr float largest = std::numeric_limits<float>::max(), infinity = std::numeric_limits<float>::infinity();
  constexpr float ends[] = {
      0.f,   1e-45f, 1e-40f, 0x1p-126f, 1e-30f, 1e-20f,  0.5f,     1.f,
      88.7f, 104.f,  1e10f,  1.8e19f,   1e30f,  largest, infinity, std::numeric_limits<float>::quiet_NaN()};
  const std::uint32_t kind = each.stream()() % 4, bits = each.stream()();
  if (kind == 0) return std::bit_cast<float>(bits);
  const float end = ends[bits % std::size(ends)];
  if (kind == 1) return bits & 256 ? -end : end;
  return each.uniform({1}, -10.f, 10.f).item();
}

}  // namespace

// The whole range of floats, at every place of a register and in the rest behind the last.
BOOST_AUTO_TEST_CASE(any_float_of_one_operand) {
  test::for_each_case("any float", 900, [](RandomCase& each) {
    const Pointwise& op = pointwise[to_size(each.between("operation", 0, std::ssize(pointwise) - 1))];
    Tensor values({each.extent("n", 0, 65)});
    for (float& v : values.mutable_elements()) v = any_float(each);
    const Tensor upstream = each.normal(values.shape());
    for (const int threads : {1, 2}) {
      const ThreadGuard guard(threads);
      const Variable x = input(values);
      Tape tape;
      const Variable y = op.f(x);
      test::backward(tape, y, upstream);
      for (std::int64_t i = 0; i < values.size(); ++i) {
        const float at = values.data()[i], found = y.value().data()[i], slope = x.grad().data()[i];
        const double dy = upstream.data()[i];
        const auto right = [&](double v) { return close(found, op.value(v), op.ulps, op.floor, 0); };
        // A slope that no float holds may be infinite before dy makes it smaller.
        const auto right_slope = [&](double v) {
          const double exact = op.slope(v), bounded = std::abs(exact) < past_the_largest ? exact : exact * INFINITY;
          return close(slope, dy * exact, 4, 0, std::abs(dy) * op.slack) || close(slope, dy * bounded, 4, 0, 0);
        };
        // Threads read subnormal numbers as 0 of their sign.
        const bool subnormal = at != 0.f && std::abs(static_cast<double>(at)) < smallest;
        const double zero = std::copysign(0., at);
        BOOST_TEST((right(at) || (subnormal && right(zero))),
                   each.description() << " " << op.name << "(" << at << ") is " << found << ", not " << op.value(at));
        BOOST_TEST((right_slope(at) || (subnormal && right_slope(zero))),
                   each.description() << " " << op.name << "' at " << at << " times " << dy << " is " << slope
                                      << ", not " << dy * op.slope(at));
      }
    }
  });
}
BOOST_AUTO_TEST_SUITE_END()
