#include <canopy/core/kernels/losses.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <canopy/core/random.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(losses)

namespace {

constexpr float delta = 0.7f;

double softplus(double x) { return std::max(x, 0.) + std::log1p(std::exp(-std::abs(x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double clipped_log(double x) { return std::max(std::log(x), -100.); }

// A kernel of x, t and positive weights p, and its definition in double. Slopes are scaled by 1/2.
struct Case {
  std::string name;
  std::function<void(const float* x, const float* t, const float* p, float* out, std::int64_t n)> kernel;
  std::function<double(double x, double t, double p)> exact;
  bool probability = false;
};

constexpr float scale = 0.5f;

// The sum that a kernel returned with the elements, and without, is theirs.
void check_sums(double sum, double sum_alone, const float* out, std::int64_t n) {
  double expected = 0, magnitude = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    expected += out[i];
    magnitude += std::abs(out[i]);
  }
  if (std::isnan(expected)) return;
  BOOST_TEST(std::abs(sum - expected) <= 1e-6 * magnitude);
  BOOST_TEST(std::abs(sum_alone - expected) <= 1e-6 * magnitude);
}

template <class Kernel>
auto value(Kernel kernel) {
  return [kernel](const float* x, const float* t, const float*, float* out, std::int64_t n) {
    const double alone = kernel(x, t, nullptr, n);
    check_sums(kernel(x, t, out, n), alone, out, n);
  };
}

template <class Kernel>
auto slope(Kernel kernel) {
  return [kernel](const float* x, const float* t, const float*, float* out, std::int64_t n) {
    kernel(x, t, scale, out, n);
  };
}

double huber(const float* x, const float* t, float* out, std::int64_t n) { return kernels::huber(x, t, delta, out, n); }

void huber_slope(const float* x, const float* t, float factor, float* out, std::int64_t n) {
  kernels::huber_slope(x, t, delta, factor, out, n);
}

double unweighted(const float* x, const float* t, float* out, std::int64_t n) {
  return kernels::binary_cross_entropy(x, t, nullptr, out, n);
}

void unweighted_slope(const float* x, const float* t, float factor, float* out, std::int64_t n) {
  kernels::binary_cross_entropy_slope(x, t, nullptr, factor, out, n);
}

const std::vector<Case> cases{
    {"squared error", value(kernels::squared_error), [](double x, double t, double) { return (x - t) * (x - t); }},
    {"its slope", slope(kernels::squared_error_slope), [](double x, double t, double) { return scale * 2 * (x - t); }},
    {"absolute error", value(kernels::absolute_error), [](double x, double t, double) { return std::abs(x - t); }},
    {"its slope", slope(kernels::absolute_error_slope),
     [](double x, double t, double) { return x == t ? 0. : std::copysign(scale, x - t); }},
    {"Huber", value(huber),
     [](double x, double t, double) {
       const double d = std::abs(x - t);
       return d <= delta ? d * d / 2 : delta * (d - delta / 2.);
     }},
    {"its slope", slope(huber_slope),
     [](double x, double t, double) { return scale * std::clamp(x - t, -double{delta}, double{delta}); }},
    {"binary cross-entropy",
     [](const float* x, const float* t, const float* p, float* out, std::int64_t n) {
       const double alone = kernels::binary_cross_entropy(x, t, p, nullptr, n);
       check_sums(kernels::binary_cross_entropy(x, t, p, out, n), alone, out, n);
     },
     [](double x, double t, double p) { return p * t * softplus(-x) + (1 - t) * softplus(x); }},
    {"its slope",
     [](const float* x, const float* t, const float* p, float* out, std::int64_t n) {
       kernels::binary_cross_entropy_slope(x, t, p, scale, out, n);
     },
     [](double x, double t, double p) { return scale * ((1 - t) * sigmoid(x) - p * t * sigmoid(-x)); }},
    {"its slope for the target",
     [](const float* x, const float*, const float* p, float* out, std::int64_t n) {
       kernels::binary_cross_entropy_target_slope(x, p, scale, out, n);
     },
     [](double x, double, double p) { return scale * (p * softplus(-x) - softplus(x)); }},
    {"binary cross-entropy without weight", value(unweighted),
     [](double x, double t, double) { return t * softplus(-x) + (1 - t) * softplus(x); }},
    {"its slope", slope(unweighted_slope), [](double x, double t, double) { return scale * (sigmoid(x) - t); }},
    {"its slope for the target",
     [](const float* x, const float*, const float*, float* out, std::int64_t n) {
       kernels::binary_cross_entropy_target_slope(x, nullptr, scale, out, n);
     },
     [](double x, double, double) { return scale * -x; }},
    {"of probabilities", value(kernels::probability_cross_entropy),
     [](double x, double t, double) { return -t * clipped_log(x) - (1 - t) * clipped_log(1 - x); }, true},
    {"its slope", slope(kernels::probability_cross_entropy_slope),
     [](double x, double t, double) { return scale * (x - t) / std::max(x * (1 - x), 1e-12); }, true},
    {"its slope for the target",
     [](const float* x, const float*, const float*, float* out, std::int64_t n) {
       kernels::probability_cross_entropy_target_slope(x, scale, out, n);
     },
     [](double x, double, double) { return scale * (clipped_log(1 - x) - clipped_log(x)); }, true},
};

std::vector<float> uniform(std::int64_t n, const char* purpose, float low, float high) {
  std::vector<float> x(static_cast<std::size_t>(n));
  RandomStream(8, purpose).fill_uniform(x, low, high);
  return x;
}

}  // namespace

BOOST_AUTO_TEST_CASE(are_their_definitions) {
  for (const Case& c : cases) {
    for (const std::int64_t n : {0, 1, 15, 16, 17, 33, 1000, 70001}) {
      const auto x = c.probability ? uniform(n, "x", 0.f, 1.f) : uniform(n, "x", -4.f, 4.f);
      const auto t = uniform(n, "t", 0.f, 1.f), p = uniform(n, "p", 0.5f, 3.f);
      std::vector<float> found(x.size());
      c.kernel(x.data(), t.data(), p.data(), found.data(), n);
      double worst = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double exact = c.exact(x[i], t[i], p[i]);
        worst = std::max(worst, std::abs(found[i] - exact) / std::max(std::abs(exact), 1.));
      }
      BOOST_TEST(worst < 1e-6, c.name << " of " << n << " numbers is off by " << worst);
    }
  }
}

// With a hard target, the loss and its slope on the right side become tiny, but never 0 or infinite too early.
BOOST_AUTO_TEST_CASE(binary_cross_entropy_keeps_its_digits) {
  for (const float z : {0.f, 1e-6f, 1.f, 10.f, 20.f, 50.f, 80.f, 100.f, 1e30f}) {
    for (const float x : {z, -z}) {
      for (const float t : {0.f, 1.f}) {
        float loss = -1, slope = -1;
        kernels::binary_cross_entropy(&x, &t, nullptr, &loss, 1);
        kernels::binary_cross_entropy_slope(&x, &t, nullptr, 1.f, &slope, 1);
        const double exact = t == 1.f ? softplus(-x) : softplus(x);
        const double exact_slope = t == 1.f ? -sigmoid(-x) : sigmoid(x);
        BOOST_TEST(std::abs(loss - exact) <= 4e-7 * exact + 1e-37, x << ", " << t << ": " << loss << ", not " << exact);
        BOOST_TEST(std::abs(slope - exact_slope) <= 4e-7 * std::abs(exact_slope) + 1e-37, x << ", " << t);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(probabilities_of_0_and_1_have_finite_losses) {
  const std::vector<float> x{0.f, 0.f, 1.f, 1.f}, t{0.f, 1.f, 0.f, 1.f};
  std::vector<float> loss(4), slope(4);
  kernels::probability_cross_entropy(x.data(), t.data(), loss.data(), 4);
  kernels::probability_cross_entropy_slope(x.data(), t.data(), 1.f, slope.data(), 4);
  BOOST_TEST(loss == (std::vector<float>{0.f, 100.f, 100.f, 0.f}), boost::test_tools::per_element());
  BOOST_TEST(slope == (std::vector<float>{0.f, -1e12f, 1e12f, 0.f}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(not_a_number_goes_through) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), one = 1.f;
  for (const Case& c : cases) {
    float out = 0;
    c.kernel(&nan, &one, &one, &out, 1);
    BOOST_TEST(std::isnan(out), c.name);
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  constexpr std::int64_t n = 100003;
  const auto x = uniform(n, "x", 0.f, 1.f), t = uniform(n, "t", 0.f, 1.f), p = uniform(n, "p", 0.5f, 3.f);
  for (const Case& c : cases) {
    test::same_bits_on_any_threads([&] {
      Tensor out({n});
      c.kernel(x.data(), t.data(), p.data(), out.mutable_data(), n);
      return std::vector{out};
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
