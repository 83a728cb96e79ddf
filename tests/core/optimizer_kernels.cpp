#include <canopy/core/kernels/optimizer.hpp>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(optimizer_kernels)

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

Floats normal(std::int64_t n, const std::string& purpose) {
  Floats x(static_cast<std::size_t>(n));
  RandomStream(11, purpose).fill_normal(x, 0.f, 1.f);
  return x;
}

double largest_difference(const Floats& a, const Doubles& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

// The algorithms as torch's documentation states them, one number at a time.
void naive_sgd(Doubles& p, const Floats& g, Doubles& buffer, const kernels::SgdStep& s) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    double d = g[i] + s.weight_decay * p[i];
    if (s.momentum != 0) {
      buffer[i] = s.first_step ? d : s.momentum * buffer[i] + d;
      d = s.nesterov ? d + s.momentum * buffer[i] : buffer[i];
    }
    p[i] -= s.learning_rate * d;
  }
}

void naive_adam(Doubles& p, const Floats& g, Doubles& m, Doubles& v, const kernels::AdamStep& s) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    double d = g[i];
    if (s.decoupled) {
      p[i] -= s.learning_rate * s.weight_decay * p[i];
    } else {
      d += s.weight_decay * p[i];
    }
    m[i] = s.beta1 * m[i] + (1 - s.beta1) * d;
    v[i] = s.beta2 * v[i] + (1 - s.beta2) * d * d;
    p[i] -= s.learning_rate * (m[i] / s.bias_correction1) / (std::sqrt(v[i] / s.bias_correction2) + s.epsilon);
  }
}

const std::vector<std::int64_t> sizes{0, 1, 15, 16, 17, 33, 1000, 70001};

}  // namespace

BOOST_AUTO_TEST_CASE(sgd_follows_its_definition) {
  const std::vector<kernels::SgdStep> settings{
      {.learning_rate = 0.2},
      {.learning_rate = 0.1, .weight_decay = 0.01},
      {.learning_rate = 0.1, .momentum = 0.9},
      {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.05},
  };
  for (const auto& setting : settings) {
    for (const std::int64_t n : sizes) {
      Floats p = normal(n, "p");
      Doubles twin(p.begin(), p.end());
      Floats buffer(p.size(), std::nanf(""));  // the first step must not read it
      Doubles twin_buffer(p.size());
      for (int t = 1; t <= 5; ++t) {
        kernels::SgdStep step = setting;
        step.first_step = t == 1;
        const Floats g = normal(n, fmt::format("g{}", t));
        const Floats g_before(g);
        kernels::sgd(p.data(), {g.data()}, step.momentum == 0 ? nullptr : buffer.data(), n, step);
        naive_sgd(twin, g, twin_buffer, step);
        BOOST_TEST((g == g_before));
      }
      BOOST_TEST(largest_difference(p, twin) < 5e-6, "of " << n << " numbers");
      if (setting.momentum != 0) BOOST_TEST(largest_difference(buffer, twin_buffer) < 5e-6);
    }
  }
}

BOOST_AUTO_TEST_CASE(adam_follows_its_definition) {
  const std::vector<kernels::AdamStep> settings{
      {.learning_rate = 1e-2},
      {.learning_rate = 1e-2, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.1},
      {.learning_rate = 1e-2, .weight_decay = 0.1, .decoupled = true},
  };
  for (const auto& setting : settings) {
    for (const std::int64_t n : sizes) {
      Floats p = normal(n, "p"), m(p.size()), v(p.size());
      Doubles twin(p.begin(), p.end()), twin_m(p.size()), twin_v(p.size());
      for (int t = 1; t <= 5; ++t) {
        kernels::AdamStep step = setting;
        step.bias_correction1 = 1 - std::pow(step.beta1, t);
        step.bias_correction2 = 1 - std::pow(step.beta2, t);
        const Floats g = normal(n, fmt::format("g{}", t));
        kernels::adam(p.data(), {g.data()}, m.data(), v.data(), n, step);
        naive_adam(twin, g, twin_m, twin_v, step);
      }
      BOOST_TEST(largest_difference(p, twin) < 5e-6, "of " << n << " numbers");
      BOOST_TEST(largest_difference(m, twin_m) < 1e-6);
      BOOST_TEST(largest_difference(v, twin_v) < 1e-6);
    }
  }
}

// The step epsilon / (sqrt(v) + epsilon) must vanish, not blow up, where the gradient has always been 0.
BOOST_AUTO_TEST_CASE(adam_leaves_alone_what_has_no_gradient) {
  Floats p{1.f}, m{0.f}, v{0.f};
  const Floats g{0.f};
  kernels::adam(p.data(), {g.data()}, m.data(), v.data(), 1,
                {.learning_rate = 0.1, .bias_correction1 = 0.1, .bias_correction2 = 0.001});
  BOOST_TEST(p[0] == 1.f);
}

BOOST_AUTO_TEST_CASE(sum_of_squares_is_accurate_and_the_same_for_any_threads) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 33, 1000, 32768, 32769, 1000003}) {
    const Floats x = normal(n, "x");
    double expected = 0;
    for (const float value : x) expected += static_cast<double>(value) * value;
    const ThreadGuard one(1);
    const double serial = kernels::sum_of_squares(x.data(), n);
    BOOST_TEST(std::abs(serial - expected) <= 1e-12 * expected, n << " numbers: " << serial << " for " << expected);
    for (const int count : {2, 5}) {
      const ThreadGuard guard(count);
      BOOST_TEST(kernels::sum_of_squares(x.data(), n) == serial);
    }
  }
}

// As floats, the squares would be infinite or 0.
BOOST_AUTO_TEST_CASE(sums_of_squares_hold_the_whole_range_of_floats) {
  for (const std::int64_t n : {1, 16, 17, 100003}) {
    for (const float value : {1e30f, 3.4028235e38f, 1e-30f, 1.1754944e-38f}) {
      const Floats x(static_cast<std::size_t>(n), -value);
      const double expected = static_cast<double>(n) * value * value;
      BOOST_TEST(kernels::sum_of_squares(x.data(), n) == expected, boost::test_tools::tolerance(1e-12));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
