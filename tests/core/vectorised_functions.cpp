// Every function that the kernels compute in registers, against double precision over the whole range of floats.
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/power.hpp>
#include <canopy/core/kernels/tree.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <canopy/core/random.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(vectorised_functions)

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float smallest = std::numeric_limits<float>::min();  // of the normal numbers
constexpr double past_the_largest = 0x1p128;

// |found - exact| in units in the last place of `exact`, or of `floor` where that is larger. Infinity is 2^128, the
// next number after the largest. What threads flush to zero counts as right.
double error_in_ulp(float found, double exact, double floor = 0) {
  if (std::isnan(exact) || std::isnan(found)) return std::isnan(exact) && std::isnan(found) ? 0 : INFINITY;
  const auto bounded = [](double v) { return std::clamp(v, -past_the_largest, past_the_largest); };
  const double difference = std::abs(bounded(found) - bounded(exact));
  if (difference <= 128. * smallest) return 0;
  const double magnitude = std::min(std::max({std::abs(exact), floor, double{smallest}}), 0x1.fffffep127);
  return difference / std::ldexp(1., std::ilogb(magnitude) - 23);
}

struct Function {
  std::string name;
  void (*kernel)(const float*, float*, std::int64_t);
  double (*exact)(double);
  double ulps;       // the bound
  double floor = 0;  // values below count as if they were as large
};

double normal_cdf(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }
double softplus(double x) { return std::max(x, 0.) + std::log1p(std::exp(-std::abs(x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double tanh_argument(double x) { return std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x); }

template <void (*backward)(const float*, const float*, float*, std::int64_t)>
void slope(const float* x, float* out, std::int64_t n) {
  const std::vector<float> ones(static_cast<std::size_t>(n), 1.f);
  backward(x, ones.data(), out, n);
}

// Of functions whose slope is computed from their value.
template <void (*function)(const float*, float*, std::int64_t),
          void (*backward)(const float*, const float*, float*, std::int64_t)>
void slope_of_value(const float* x, float* out, std::int64_t n) {
  std::vector<float> y(static_cast<std::size_t>(n));
  function(x, y.data(), n);
  slope<backward>(y.data(), out, n);
}

void sigmoid_and_back(const float* x, float* out, std::int64_t n) {
  slope_of_value<kernels::sigmoid, kernels::sigmoid_backward>(x, out, n);
}

template <int numerator, int denominator>
void to_the_power(const float* x, float* out, std::int64_t n) {
  kernels::power(x, static_cast<float>(numerator) / static_cast<float>(denominator), out, n);
}

const std::vector<Function> functions{
    {"exp", kernels::exp, [](double x) { return std::exp(x); }, 1.5},
    {"expm1", kernels::expm1, [](double x) { return std::expm1(x); }, 1.5},
    {"log", kernels::log, [](double x) { return std::log(x); }, 1},
    {"log1p", kernels::log1p, [](double x) { return std::log1p(x); }, 1},
    {"sqrt", kernels::sqrt, [](double x) { return std::sqrt(x); }, 0.5},
    {"square", kernels::square, [](double x) { return x * x; }, 0.5},
    {"power 2", to_the_power<2, 1>, [](double x) { return x * x; }, 0.5},
    {"power 3", to_the_power<3, 1>, [](double x) { return x * x * x; }, 0.51},
    {"power 1/2", to_the_power<1, 2>, [](double x) { return std::pow(x, 0.5); }, 0.51},
    {"power -5/2", to_the_power<-5, 2>, [](double x) { return std::pow(x, -2.5); }, 0.51},
    {"power 0", to_the_power<0, 1>, [](double) { return 1.; }, 0},
    {"tanh", kernels::tanh, [](double x) { return std::tanh(x); }, 2},
    {"sigmoid", kernels::sigmoid, sigmoid, 3},
    {"abs", kernels::abs, [](double x) { return std::abs(x); }, 0},
    {"negate", kernels::negate, [](double x) { return -x; }, 0},
    {"relu", kernels::relu, [](double x) { return x < 0 ? 0. : x; }, 0},
    // From rounded values: to a unit of 1.
    {"sigmoid'", sigmoid_and_back, [](double x) { return sigmoid(x) * sigmoid(-x); }, 4, 0.25},
    {"tanh'", slope_of_value<kernels::tanh, kernels::tanh_backward>,
     [](double x) { return 4 * sigmoid(2 * x) * sigmoid(-2 * x); }, 4, 0.5},
    {"softplus", kernels::softplus, softplus, 2.5},
    {"softplus'", slope<kernels::softplus_backward>, sigmoid, 3},
    // The exponential of a rounded square loses digits in the tail.
    {"gelu", kernels::gelu, [](double x) { return x * normal_cdf(x); }, 8, 0.125},
    {"gelu, its tail", kernels::gelu, [](double x) { return x * normal_cdf(x); }, 256},
    {"gelu'", slope<kernels::gelu_backward>,
     [](double x) { return normal_cdf(x) + x * std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2; },
     4, 0.25},
    {"gelu_tanh", kernels::gelu_tanh, [](double x) { return x * sigmoid(2 * tanh_argument(x)); }, 8, 0.125},
    {"gelu_tanh'", slope<kernels::gelu_tanh_backward>,
     [](double x) {
       const double u = tanh_argument(x), du = std::sqrt(2 / std::numbers::pi) * (1 + 3 * 0.044715 * x * x);
       return sigmoid(2 * u) + x * sigmoid(2 * u) * sigmoid(-2 * u) * 2 * du;
     },
     8, 0.25},
    {"entropy'",
     [](const float* x, float* out, std::int64_t n) { kernels::node_entropy_backward(x, nullptr, 1.f, n, out); },
     [](double x) {
       const double e = std::exp(-std::abs(x));
       return e == 0 ? -0. : -x * e / ((1 + e) * (1 + e));
     },
     4},
    {"entropy", [](const float* x, float* out, std::int64_t n) { kernels::node_entropies(x, n, out); },
     [](double x) {
       const double e = std::exp(-std::abs(x));
       return std::log1p(e) + (e == 0 ? 0 : std::abs(x) * e / (1 + e));
     },
     4},
};

// Every 4001st float, the ends of all functions' ranges with their neighbours, and what is no number.
std::vector<float> points() {
  std::vector<float> result;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 4001) {
    result.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  for (const float magnitude :
       {0.f,        smallest, 0x1p-24f,  1e-8f,      1e-4f,         0.5f,     1.f,         2.f,   16.635532f,
        17.328679f, 20.f,     87.33655f, 88.376263f, 88.722839f,    89.f,     103.972084f, 104.f, 1e4f,
        0x1p23f,    0x1p24f,  1e19f,     2e19f,      3.4028235e38f, infinity, nan}) {
    for (const float x : {magnitude, -magnitude}) {
      result.push_back(x);
      float above = x, below = x;
      for (int i = 0; i < 4; ++i) {
        result.push_back(above = std::nextafter(above, infinity));
        result.push_back(below = std::nextafter(below, -infinity));
      }
    }
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(stay_within_their_bounds_over_the_whole_range) {
  const std::vector<float> x = points();
  std::vector<float> y(x.size());
  for (const Function& f : functions) {
    f.kernel(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
    double worst = -1;
    std::size_t at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      double error = error_in_ulp(y[i], f.exact(x[i]), f.floor);
      // Threads read subnormal numbers as 0.
      const bool subnormal = x[i] != 0.f && std::abs(static_cast<double>(x[i])) < smallest;
      if (subnormal) error = std::min(error, error_in_ulp(y[i], f.exact(0.), f.floor));
      if (error > worst) {
        worst = error;
        at = i;
      }
    }
    BOOST_TEST_MESSAGE(fmt::format("{}: at most {:.2f} units in the last place, at {:a}", f.name, worst, x[at]));
    BOOST_TEST(worst <= f.ulps, fmt::format("{}({:a} = {}) is {}, exactly {}: {} units in the last place, allowed {}",
                                            f.name, x[at], x[at], y[at], f.exact(x[at]), worst, f.ulps));
  }
}

// A number has the same bits wherever it stands: at any place of a register, in the rest behind the last, alone.
BOOST_AUTO_TEST_CASE(do_not_depend_on_the_place) {
  const std::vector<float> x = points();
  for (const Function& f : functions) {
    std::vector<float> all(x.size());
    f.kernel(x.data(), all.data(), static_cast<std::int64_t>(x.size()));
    std::size_t differing = 0;
    float at = 0;
    for (std::size_t begin = 0, step = 1; begin + step <= x.size(); begin += step, step = step % 33 + 1) {
      std::vector<float> part(step);
      f.kernel(x.data() + begin, part.data(), static_cast<std::int64_t>(step));
      for (std::size_t i = 0; i < step; ++i) {
        if (std::bit_cast<std::uint32_t>(part[i]) == std::bit_cast<std::uint32_t>(all[begin + i])) continue;
        if (std::isnan(part[i]) && std::isnan(all[begin + i])) continue;
        ++differing;
        at = x[begin + i];
      }
    }
    BOOST_TEST(differing == 0u, f.name << ": " << differing << " numbers, such as " << at);
  }
}

BOOST_AUTO_TEST_CASE(keep_the_sign_of_zero) {
  const std::vector<float> zeros{0.f, -0.f};
  std::vector<float> y(2);
  for (const Function& f : functions) {
    if (f.exact(0.) != 0) continue;
    f.kernel(zeros.data(), y.data(), 2);
    for (std::size_t i = 0; i < 2; ++i) {
      BOOST_TEST(std::signbit(y[i]) == std::signbit(f.exact(zeros[i])), f.name << " of " << zeros[i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(powers_of_special_numbers_are_those_of_the_standard) {
  std::vector<float> numbers;
  for (const float v : {0.f,   smallest,  1e-20f,     0.1f,       0.5f,  0.99999994f,   1.f,      1.0000001f,
                        1.5f,  2.f,       3.f,        4.f,        7.f,   100.5f,        127.f,    128.f,
                        149.f, 8388609.f, 16777215.f, 16777216.f, 1e30f, 3.4028235e38f, infinity, nan}) {
    numbers.push_back(v);
    numbers.push_back(-v);
  }
  for (const float y : numbers) {
    const std::vector<float> exponents(numbers.size(), y);
    std::vector<float> found(numbers.size()), scalar(numbers.size());
    const auto n = static_cast<std::int64_t>(numbers.size());
    kernels::power(numbers.data(), exponents.data(), found.data(), n);
    kernels::power(numbers.data(), y, scalar.data(), n);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const double exact = std::pow(static_cast<double>(numbers[i]), static_cast<double>(y));
      for (const float power : {found[i], scalar[i]}) {
        BOOST_TEST(error_in_ulp(power, exact) <= 0.51, numbers[i] << "^" << y << " is " << power << ", not " << exact);
        if (exact == 0 || std::isinf(exact)) BOOST_TEST(std::signbit(power) == std::signbit(exact));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(powers_are_accurate_everywhere) {
  constexpr std::size_t n = 300'000;
  std::vector<float> x(n), y(n), found(n);
  RandomStream stream(3, "powers");
  stream.fill_uniform(x, -87.f, 88.f);
  stream.fill_uniform(y, -90.f, 90.f);
  for (std::size_t i = 0; i < n; ++i) {
    // Thirds: bases of all magnitudes, bases near 1, small exponents.
    if (i % 3 == 1) x[i] *= 1e-3f;
    x[i] = std::exp(x[i]);
    y[i] = i % 3 == 2 ? y[i] * 0.01f : y[i] / std::log(x[i]);
  }
  kernels::power(x.data(), y.data(), found.data(), n);
  double worst = 0;
  for (std::size_t i = 0; i < n; ++i) {
    worst = std::max(worst, error_in_ulp(found[i], std::pow(static_cast<double>(x[i]), static_cast<double>(y[i]))));
  }
  BOOST_TEST(worst <= 0.51, "off by " << worst << " units in the last place");
}

BOOST_AUTO_TEST_SUITE_END()
