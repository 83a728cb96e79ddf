#include <canopy/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <Random123/philox.h>

using namespace canopy;

namespace {

std::vector<float> uniform(RandomStream& stream, std::size_t n, float low = 0.f, float high = 1.f) {
  std::vector<float> values(n);
  stream.fill_uniform(values, low, high);
  return values;
}

std::vector<float> normal(RandomStream& stream, std::size_t n) {
  std::vector<float> values(n);
  stream.fill_normal(values, 0.f, 1.f);
  return values;
}

// Mean of values to a power.
double moment(const std::vector<float>& values, int power) {
  double sum = 0;
  for (const float v : values) sum += std::pow(static_cast<double>(v), power);
  return sum / static_cast<double>(values.size());
}

struct FreshStreams {
  FreshStreams() { restore_random(0, {}); }
  ~FreshStreams() { restore_random(0, {}); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(random_numbers, FreshStreams)

// The known answers that come with Random123: the generator itself is the one of the paper.
BOOST_AUTO_TEST_CASE(philox_gives_its_known_answers) {
  using Philox = r123::Philox4x32;
  const Philox::ctr_type zeros = {{0, 0, 0, 0}};
  const auto a = Philox{}(zeros, {{0, 0}});
  const std::uint32_t expected_a[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
  BOOST_TEST(std::equal(a.begin(), a.end(), expected_a));
  const Philox::ctr_type digits = {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
  const auto b = Philox{}(digits, {{0xa4093822, 0x299f31d0}});
  const std::uint32_t expected_b[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
  BOOST_TEST(std::equal(b.begin(), b.end(), expected_b));
}

// Counter (position, FNV-1a of the purpose), key the seed: what a checkpoint's positions mean must never change.
BOOST_AUTO_TEST_CASE(a_stream_is_philox_of_position_purpose_and_seed) {
  const std::uint64_t seed = 0x123456789abcdef0, position = 0x1fffffffe;
  std::uint64_t purpose = 0xcbf29ce484222325u;
  for (const unsigned char c : {'o', 'r', 'd', 'e', 'r'}) purpose = (purpose ^ c) * 0x100000001b3u;
  RandomStream stream(seed, "order");
  stream.seek(position);
  const std::vector<float> values = uniform(stream, 10);
  for (std::uint64_t block = 0; block < 3; ++block) {
    const r123::Philox4x32::ctr_type counter = {
        {static_cast<std::uint32_t>(position + block), static_cast<std::uint32_t>((position + block) >> 32),
         static_cast<std::uint32_t>(purpose), static_cast<std::uint32_t>(purpose >> 32)}};
    const auto bits =
        r123::Philox4x32{}(counter, {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}});
    for (std::size_t j = 0; j < 4 && block * 4 + j < values.size(); ++j) {
      BOOST_TEST(values[block * 4 + j] == static_cast<float>(bits[j] >> 8) * 0x1p-24f);
    }
    stream.seek(position + block);
    BOOST_TEST(stream() == bits[0]);
  }
}

BOOST_AUTO_TEST_CASE(streams_of_other_seeds_and_purposes_are_others) {
  RandomStream a(1, "order"), b(2, "order"), c(1, "dropout");
  const auto x = normal(a, 10000), y = normal(b, 10000), z = normal(c, 10000);
  for (const auto* other : {&y, &z}) {
    const double correlation = std::inner_product(x.begin(), x.end(), other->begin(), 0.0) / 10000;
    BOOST_TEST(std::abs(correlation) < 0.05);  // five standard deviations
  }
}

BOOST_AUTO_TEST_CASE(every_call_takes_whole_blocks) {
  RandomStream stream(1, "x");
  uniform(stream, 5);
  BOOST_TEST(stream.position() == 2u);
  normal(stream, 4);
  BOOST_TEST(stream.position() == 3u);
  std::vector<float> coins(1);
  stream.fill_bernoulli(coins, 0.5f);
  BOOST_TEST(stream.position() == 4u);
  stream();
  BOOST_TEST(stream.position() == 5u);
  uniform(stream, 0);
  BOOST_TEST(stream.position() == 5u);
}

// Also after single draws: the position is the whole of the state.
BOOST_AUTO_TEST_CASE(a_position_restores) {
  RandomStream stream(1, "order");
  for (int draws = 0; draws < 6; ++draws) {
    RandomStream resumed(1, "order");
    resumed.seek(stream.position());
    BOOST_TEST(resumed() == stream());
  }
}

BOOST_AUTO_TEST_CASE(named_streams_restore_with_a_checkpoint) {
  manual_seed(7);
  BOOST_TEST(current_seed() == 7u);
  RandomStream& order = random_stream("order");
  BOOST_TEST(&order == &random_stream("order"));
  order();
  uniform(random_stream("dropout"), 9);
  const auto positions = random_positions();
  BOOST_TEST(positions.at("order") == 1u);
  BOOST_TEST(positions.at("dropout") == 3u);
  const auto next_order = order();
  const auto next_dropout = uniform(random_stream("dropout"), 3);
  random_stream("later")();

  manual_seed(8);
  BOOST_TEST(order() != next_order);
  restore_random(7, positions);
  BOOST_TEST(order() == next_order);
  BOOST_TEST(uniform(random_stream("dropout"), 3) == next_dropout);
  BOOST_TEST(random_stream("later").position() == 0u);
}

BOOST_AUTO_TEST_CASE(uniform_numbers) {
  RandomStream stream(3, "uniform");
  const auto values = uniform(stream, 100000, -2.f, 6.f);
  BOOST_TEST(*std::min_element(values.begin(), values.end()) >= -2.f);
  BOOST_TEST(*std::max_element(values.begin(), values.end()) < 6.f);
  BOOST_TEST(moment(values, 1) == 2.0, boost::test_tools::tolerance(0.02));
  BOOST_TEST(moment(values, 2) - 4.0 == 64.0 / 12, boost::test_tools::tolerance(0.04));
}

// Between 1 and 1 + 2^-20 lie seven floats: every sixteenth sum would round up to the end.
BOOST_AUTO_TEST_CASE(uniform_numbers_stay_below_the_upper_end) {
  RandomStream stream(3, "uniform");
  const auto values = uniform(stream, 10000, 1.f, 1.f + 0x1p-20f);
  BOOST_TEST(*std::max_element(values.begin(), values.end()) == 1.f + 7 * 0x1p-23f);
  BOOST_TEST(*std::min_element(values.begin(), values.end()) == 1.f);
}

BOOST_AUTO_TEST_CASE(normal_numbers_have_their_moments) {
  RandomStream stream(4, "normal");
  const auto values = normal(stream, 200000);
  BOOST_TEST(std::abs(moment(values, 1)) < 0.012);
  BOOST_TEST(std::abs(moment(values, 2) - 1) < 0.02);
  BOOST_TEST(std::abs(moment(values, 3)) < 0.05);
  BOOST_TEST(std::abs(moment(values, 4) - 3) < 0.15);
  const auto beyond_two = std::count_if(values.begin(), values.end(), [](float v) { return std::abs(v) > 2.f; });
  BOOST_TEST(std::abs(static_cast<double>(beyond_two) / 200000 - 0.0455) < 0.0025);
  // Neighbours come from one pair of the transform.
  double correlation = 0;
  for (std::size_t i = 0; i + 1 < values.size(); i += 2) correlation += values[i] * values[i + 1] / 100000.0;
  BOOST_TEST(std::abs(correlation) < 0.016);

  std::vector<float> shifted(100000);
  stream.fill_normal(shifted, 5.f, 0.5f);
  BOOST_TEST(std::abs(moment(shifted, 1) - 5) < 0.01);
}

BOOST_AUTO_TEST_CASE(coins) {
  RandomStream stream(5, "coins");
  std::vector<float> values(100000);
  for (const float probability : {0.f, 0.3f, 1.f}) {
    stream.fill_bernoulli(values, probability);
    const auto ones = std::count(values.begin(), values.end(), 1.f);
    BOOST_TEST(ones + std::count(values.begin(), values.end(), 0.f) == 100000);
    // Certain where the probability is 0 or 1.
    BOOST_TEST(std::abs(static_cast<double>(ones) - probability * 100000.0) <=
               5 * std::sqrt(probability * (1.0 - probability) * 100000.0) + 0.01);
  }
}

BOOST_AUTO_TEST_CASE(a_shuffle_is_a_permutation_that_the_seed_decides) {
  std::vector<int> a(1000), b;
  std::iota(a.begin(), a.end(), 0);
  b = a;
  const std::vector<int> ordered = a;
  RandomStream first(6, "order"), again(6, "order");
  std::shuffle(a.begin(), a.end(), first);
  std::shuffle(b.begin(), b.end(), again);
  BOOST_TEST(a == b);
  BOOST_TEST(a != ordered);
  std::sort(a.begin(), a.end());
  BOOST_TEST(a == ordered);
}

BOOST_AUTO_TEST_SUITE_END()
