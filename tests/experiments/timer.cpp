#include <canopy/experiments/harness/timer.hpp>

#include <chrono>
#include <thread>

#include <boost/test/unit_test.hpp>

using namespace canopy::benchmark;

BOOST_AUTO_TEST_SUITE(timer)

BOOST_AUTO_TEST_CASE(candidates_take_turns) {
  std::vector<char> order;
  const auto slow = [&](char name) {
    return [&order, name] {
      order.push_back(name);
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    };
  };
  const auto timings = time_alternately({{"a", slow('a')}, {"b", slow('b')}}, {.repetitions = 4, .warm_up = 0});
  BOOST_TEST(std::string(order.begin(), order.end()) == "ababababab");  // one round finds the number of calls
  BOOST_REQUIRE(timings.size() == 2u);
  BOOST_TEST(timings[0].repetitions == 4);
  BOOST_TEST(timings[0].milliseconds >= 3.);
  BOOST_TEST(timings[0].spread >= 0.);
}

BOOST_AUTO_TEST_CASE(quick_ones_run_several_times_a_sample) {
  long calls = 0;
  const auto timings = time_alternately({{"a", [&] { ++calls; }}}, {.repetitions = 3, .shortest_milliseconds = 0.5});
  BOOST_TEST(calls > 1000);
  BOOST_TEST(timings[0].milliseconds < 0.5);
  BOOST_TEST(timings[0].milliseconds > 0.);
}

BOOST_AUTO_TEST_CASE(quantiles_lie_between_the_nearest_values) {
  const std::vector<double> times = {1, 2, 4, 8, 16};
  BOOST_TEST(quantile(times, 0) == 1.);
  BOOST_TEST(quantile(times, 0.5) == 4.);
  BOOST_TEST(quantile(times, 0.625) == 6.);
  BOOST_TEST(quantile(times, 1) == 16.);
  BOOST_TEST(quantile({3}, 0.99) == 3.);
  const Timing timing = timing_of(times);
  BOOST_TEST(timing.milliseconds == 4.);
  BOOST_TEST(timing.spread == 3.);
  BOOST_TEST(timing.repetitions == 5);
}

BOOST_AUTO_TEST_CASE(nothing_to_time_tells_nothing) {
  int told = 0;
  const auto count = [&](const std::vector<Candidate>&, int, int) { ++told; };
  BOOST_TEST(time_alternately({}, {.repetitions = 2, .progress = count}).empty());
  BOOST_TEST(told == 0);
}

BOOST_AUTO_TEST_SUITE_END()
