#include <canopy/nn/transformers/sampling.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <canopy/core/error.hpp>

#include "support/errors.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::speaks_of;

BOOST_AUTO_TEST_SUITE(sampling)

namespace {

constexpr int draws = 20000;

// Shares of many draws.
std::array<double, 4> shares(const std::array<float, 4>& logits, const nn::SamplingOptions& options) {
  RandomStream random(7, "sampling");
  std::array<double, 4> counts{};
  for (int i = 0; i < draws; ++i) counts[static_cast<std::size_t>(nn::sample(logits, options, random))] += 1. / draws;
  return counts;
}

// Within four deviations of what a fair draw gives.
void check_shares(const std::array<double, 4>& found, const std::array<double, 4>& expected) {
  for (std::size_t i = 0; i < 4; ++i) {
    const double deviation = std::sqrt(expected[i] * (1 - expected[i]) / draws);
    BOOST_TEST(std::abs(found[i] - expected[i]) <= 4 * deviation + 1e-9,
               i << ": " << found[i] << ", not " << expected[i]);
  }
}

// Probabilities 0.1, 0.4, 0.3, 0.2, whatever is added to all.
const std::array<float, 4> logits{std::log(0.1f) + 50, std::log(0.4f) + 50, std::log(0.3f) + 50, std::log(0.2f) + 50};

}  // namespace

BOOST_AUTO_TEST_CASE(shares_are_the_softmax) {
  check_shares(shares(logits, {}), {0.1, 0.4, 0.3, 0.2});
  // Squared and set to 1 again.
  check_shares(shares(logits, {.temperature = 0.5f}), {0.01 / 0.3, 0.16 / 0.3, 0.09 / 0.3, 0.04 / 0.3});
}

BOOST_AUTO_TEST_CASE(only_the_most_likely_are_left) {
  check_shares(shares(logits, {.top_k = 2}), {0, 4. / 7, 3. / 7, 0});
  check_shares(shares(logits, {.top_k = 9}), {0.1, 0.4, 0.3, 0.2});
  check_shares(shares(logits, {.top_p = 0.3f}), {0, 1, 0, 0});
  check_shares(shares(logits, {.top_p = 0.65f}), {0, 4. / 7, 3. / 7, 0});
  check_shares(shares(logits, {.top_p = 0.75f}), {0, 4. / 9, 3. / 9, 2. / 9});
}

BOOST_AUTO_TEST_CASE(without_temperature_nothing_is_drawn) {
  RandomStream random(7, "sampling");
  BOOST_TEST(nn::sample(std::array{1.f, 3.f, 3.f, 2.f}, {.temperature = 0}, random) == 1);
  BOOST_TEST(random.position() == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_impossible_is_never_drawn) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  check_shares(shares({-infinity, 0, -infinity, 0}, {}), {0, 0.5, 0, 0.5});
  check_shares(shares({0, 0, infinity, 0}, {}), {0, 0, 1, 0});
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  RandomStream random(7, "sampling");
  const auto draw = [&](const std::vector<float>& of, const nn::SamplingOptions& options) {
    return nn::sample(of, options, random);
  };
  BOOST_CHECK_EXCEPTION(draw({0}, {.temperature = -1}), ConfigError, speaks_of("temperature"));
  BOOST_CHECK_EXCEPTION(draw({0}, {.top_k = -1}), ConfigError, speaks_of("top_k"));
  BOOST_CHECK_EXCEPTION(draw({0}, {.top_p = 0}), ConfigError, speaks_of("top_p"));
  BOOST_CHECK_EXCEPTION(draw({}, {}), DataError, speaks_of("no logits"));
  BOOST_CHECK_EXCEPTION(draw({0, NAN}, {}), DataError, speaks_of("not a number"));
}

BOOST_AUTO_TEST_SUITE_END()
