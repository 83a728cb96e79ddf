// Times that say more of the machine's other work than of what was measured.
#include <canopy/experiments/harness/noise.hpp>

#include <chrono>
#include <thread>

#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/benchmark.hpp>
#include <canopy/experiments/harness/timing.hpp>
#include <canopy/experiments/training/inference_timing.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"

using namespace canopy;
using namespace canopy::benchmark;
using harness::Json;

BOOST_AUTO_TEST_SUITE(noise)

namespace {

bool contains(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

// Two milliseconds of work by so many processors each.
std::vector<Sample> samples(const std::vector<double>& processors) {
  std::vector<Sample> all;
  for (const double each : processors) all.push_back({2, 2 * each});
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_reason_by_itself) {
  BOOST_TEST(benchmark::noise({}).empty());
  BOOST_TEST(benchmark::noise({.spread = 0.1, .waited = 0.1, .neighbours = 0.1}).empty());
  BOOST_TEST(benchmark::noise({.spread = 0.23}) == "varies by 23 % of it");
  BOOST_TEST(benchmark::noise({.waited = 0.5}) == "the process waited 50 % of the time");
  BOOST_TEST(benchmark::noise({.neighbours = 0.75}) == "others kept 75 % of the machine busy");
  BOOST_TEST(benchmark::noise({.spread = 0.2, .neighbours = 0.75}) ==
             "varies by 20 % of it, others kept 75 % of the machine busy");
}

BOOST_AUTO_TEST_CASE(who_waits_works_less_than_the_clock_runs) {
  BOOST_TEST(waited({}) == 0.);
  BOOST_TEST(waited(samples({1, 1, 1})) == 0.);
  BOOST_TEST(waited(samples({0.5, 0.5, 0.5})) == 0.5, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(waited(samples({1, 1, 0.1, 1, 1})) == 0.);  // the median did not
  // Four threads that work all the time, a serial program that may use four, and one that lost three processors.
  BOOST_TEST(waited(samples({4, 4, 4})) == 0.);
  BOOST_TEST(waited(samples({1.02, 1.01, 1})) < noisy_above);
  BOOST_TEST(waited(samples({1, 1, 1, 1, 1, 1, 4, 4, 4})) == 0.75, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(the_stopwatch_tells_work_from_waiting) {
  const Stopwatch asleep;
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const Sample slept = asleep.read();
  BOOST_TEST(slept.milliseconds >= 30.);
  BOOST_TEST(slept.processor < 0.5 * slept.milliseconds);
  BOOST_TEST(waited({slept}) > 0.5);
  const Stopwatch awake;
  while (awake.read().processor < 30) {
  }
  BOOST_TEST(awake.read().milliseconds >= 29.);
}

BOOST_AUTO_TEST_CASE(neighbours_are_not_oneself) {
  const Neighbours neighbours;
  BOOST_TEST(neighbours.share() == 0.);  // too soon to say
  const Stopwatch watch;
  while (watch.read().milliseconds < 700) {
  }
  const double alone = neighbours.share();
  BOOST_TEST(alone >= 0.);
  BOOST_TEST(alone <= 1.);
}

BOOST_AUTO_TEST_CASE(a_comparison_has_the_noise_of_both_sides) {
  BOOST_TEST(noise_of_both("", "").empty());
  BOOST_TEST(noise_of_both("a", "") == "a");
  BOOST_TEST(noise_of_both("", "b") == "baseline: b");
  BOOST_TEST(noise_of_both("a", "b") == "a; baseline: b");
  BOOST_TEST(noise_of_both("a", "a") == "a");
  BOOST_TEST(noise_of_both(noise_of_both("", "b"), "c") == "baseline: b");
}

BOOST_AUTO_TEST_CASE(sleepers_are_noisy_in_every_form) {
  Timing timing;  // of its own: GCC 12 takes a nested one for uninitialised
  timing.milliseconds = 2;
  timing.spread = 0.1;
  timing.repetitions = 3;
  const Row quiet{.name = "quiet", .batch = 1, .timing = timing};
  Row row = quiet;
  row.baseline = Timing{.milliseconds = 4, .spread = 2, .repetitions = 3, .noise = "varies by 50 % of it"};
  const Json json = to_json(row);
  BOOST_TEST(json.at("noisy").get<bool>());
  BOOST_TEST(json.at("why").get<std::string>() == "baseline: varies by 50 % of it");
  BOOST_TEST(json.at("ratio").get<double>() == 2.);
  BOOST_TEST(!to_json(quiet).at("noisy").get<bool>());
  const Benchmark bench{.name = "b", .description = "", .run = {}};
  const std::string text = to_text(bench, {quiet, row});
  BOOST_TEST(contains(text, "NOISY: quiet: baseline: varies by 50 %"), text);
  BOOST_TEST(!contains(to_text(bench, {quiet}), "NOISY"));
  Benchmark flat = bench;
  flat.flat = true;
  BOOST_TEST(to_json(flat, {}, {row}).at("noisy").size() == 1u);
  BOOST_TEST(!to_json(flat, {}, {quiet}).contains("noisy"));

  const auto times = time_alternately({{"sleeps", [] { std::this_thread::sleep_for(std::chrono::milliseconds(3)); }}},
                                      {.repetitions = 3});
  BOOST_TEST(contains(times.front().noise, "the process waited"), times.front().noise);
}

BOOST_AUTO_TEST_CASE(timing_files_keep_it_and_older_ones_are_read) {
  const program::Folder folder;
  const harness::RunDirectory run{folder.path()};
  const harness::Cell cell{.name = "one"};
  write_timing(run, "e", 1,
               {training::timed_cell(cell, 10, {.milliseconds = 2, .noise = "why not"}),
                {.cell = "two", .numbers = {{"milliseconds", 1.}, {"spread", 0.5}}}});
  auto read = read_timing(run);
  BOOST_TEST(read.at("one").noise == "why not");
  BOOST_TEST(read.at("two").noise.empty());
  BOOST_TEST(read.at("one").numbers.find("why") == nullptr);
  write_file(run.timing(), R"({"rows": [{"cell": "one", "milliseconds": 1, "spread": 0.05, "ff_milliseconds": 2,
    "ff_spread": 0.5}, {"cell": "two", "milliseconds": 1, "spread": 0.05}]})");
  read = read_timing(run);
  BOOST_TEST(read.at("one").noise == "ff_milliseconds varies by 25 %");
  BOOST_TEST(read.at("two").noise.empty());
}

BOOST_AUTO_TEST_SUITE_END()
