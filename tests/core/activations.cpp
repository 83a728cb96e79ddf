#include <canopy/core/kernels/activations.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <canopy/core/activation.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(activations)

namespace {

// The textbook formulas in double: f and its derivative.
struct Twin {
  Activation activation;
  std::function<double(double)> f;
  std::function<double(double)> slope;
};

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double tanh_argument(double x) { return std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x); }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

const std::vector<Twin> twins{
    {Activation::identity, [](double x) { return x; }, [](double) { return 1.0; }},
    {Activation::relu, [](double x) { return x > 0 ? x : 0; }, [](double x) { return x > 0 ? 1.0 : 0.0; }},
    {Activation::gelu, [](double x) { return x * normal_cdf(x); },
     [](double x) { return normal_cdf(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0)); }},
    {Activation::gelu_tanh, [](double x) { return x * logistic(2 * tanh_argument(x)); },
     [](double x) {
       const double s = logistic(2 * tanh_argument(x));
       return s + x * s * (1 - s) * 2 * std::sqrt(2 / std::acos(-1.0)) * (1 + 3 * 0.044715 * x * x);
     }},
    {Activation::sigmoid, logistic, [](double x) { return logistic(x) * (1 - logistic(x)); }},
    {Activation::tanh, [](double x) { return std::tanh(x); }, [](double x) { return 1 - std::pow(std::tanh(x), 2); }},
    {Activation::softplus, [](double x) { return std::log1p(std::exp(x)); }, logistic},
};

std::vector<float> normal(std::int64_t n, const char* purpose, float deviation) {
  std::vector<float> x(static_cast<std::size_t>(n));
  RandomStream(7, purpose).fill_normal(x, 0.f, deviation);
  return x;
}

}  // namespace

BOOST_AUTO_TEST_CASE(agree_with_the_textbook) {
  for (const Twin& twin : twins) {
    for (const std::int64_t n : {0, 1, 2, 15, 16, 17, 33, 1000, 70001}) {
      const auto x = normal(n, "x", 3.f);
      const auto dy = normal(n, "dy", 1.f);
      std::vector<float> y(x.size()), dx(x.size());
      kernels::activate(twin.activation, x.data(), y.data(), n);
      const bool reads_input = kernels::backward_reads_input(twin.activation);
      kernels::activate_backward(twin.activation, reads_input ? x.data() : nullptr, reads_input ? nullptr : y.data(),
                                 dy.data(), dx.data(), n);
      double worst = 0, worst_slope = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = twin.f(x[i]);
        worst = std::max(worst, std::abs(y[i] - expected) / std::max(std::abs(expected), 1e-6));
        const double expected_dx = twin.slope(x[i]) * dy[i];
        worst_slope = std::max(worst_slope, std::abs(dx[i] - expected_dx) / (1e-6 + std::abs(dy[i])));
      }
      BOOST_TEST(worst < 3e-6, to_string(twin.activation) << " of " << n << " numbers is off by " << worst);
      BOOST_TEST(worst_slope < 1e-6, to_string(twin.activation) << "'s derivative is off by " << worst_slope);
    }
  }
}

BOOST_AUTO_TEST_CASE(extreme_inputs) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x{-infinity, -1000.f, -89.f, 0.f, 89.f, 1000.f, infinity};
  const std::vector<float> sigmoid{0.f, 0.f, 0.f, 0.5f, 1.f, 1.f, 1.f};
  const std::vector<float> softplus{0.f, 0.f, 0.f, std::log(2.f), 89.f, 1000.f, infinity};
  const std::vector<float> tanh{-1.f, -1.f, -1.f, 0.f, 1.f, 1.f, 1.f};
  std::vector<float> y(x.size());
  kernels::sigmoid(x.data(), y.data(), 7);
  BOOST_TEST(y == sigmoid, boost::test_tools::per_element());
  kernels::softplus(x.data(), y.data(), 7);
  BOOST_TEST(y == softplus, boost::test_tools::per_element());
  kernels::tanh(x.data(), y.data(), 7);
  BOOST_TEST(y == tanh, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(not_a_number_goes_through) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Twin& twin : twins) {
    float y = 0;
    kernels::activate(twin.activation, &nan, &y, 1);
    BOOST_TEST(std::isnan(y), to_string(twin.activation));
  }
}

BOOST_AUTO_TEST_CASE(in_place_and_for_any_number_of_threads) {
  constexpr std::int64_t n = 100003;
  for (const Twin& twin : twins) {
    const auto x = normal(n, "x", 2.f);
    std::vector<float> serial(x.size());
    {
      const ThreadGuard one(1);
      kernels::activate(twin.activation, x.data(), serial.data(), n);
    }
    for (const int count : {2, 3, 7}) {
      const ThreadGuard guard(count);
      auto y = x;
      kernels::activate(twin.activation, y.data(), y.data(), n);
      BOOST_TEST((y == serial), to_string(twin.activation) << " with " << count << " threads");
    }
  }
}

BOOST_AUTO_TEST_CASE(names) {
  for (const Twin& twin : twins) {
    BOOST_CHECK((activation_from_string(to_string(twin.activation)) == twin.activation));
  }
  BOOST_CHECK((activation_from_string("ReLU") == Activation::relu));
  BOOST_CHECK((activation_from_string("GELU") == Activation::gelu));
  BOOST_CHECK_THROW(activation_from_string("swish"), ConfigError);
  BOOST_CHECK_THROW(activation_from_string(""), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
