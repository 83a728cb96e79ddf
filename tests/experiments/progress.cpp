#include <canopy/experiments/harness/progress.hpp>

#include <thread>

#include <boost/test/unit_test.hpp>

using canopy::harness::Progress;

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(the_time_left_counts_work_not_jobs) {
  // Two jobs, the second ten times the first; after the first, ten times its time is left.
  Progress progress(2, 0, 11);
  BOOST_TEST(progress.remaining_seconds() == 0);  // nothing is known yet
  progress.start("small", 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  progress.finish("small", "done");
  BOOST_TEST(progress.remaining_seconds() > 0.4);
  BOOST_TEST(progress.remaining_seconds() < 5);
  progress.start("large", 10);
  const double before = progress.remaining_seconds();
  progress.advance("large", 0.8, 0.9, "epoch 9/10");  // this process's first: one tenth was done here
  BOOST_TEST(progress.remaining_seconds() < before / 2);
  progress.finish("large", "done");
  BOOST_TEST(progress.remaining_seconds() == 0);
}

BOOST_AUTO_TEST_CASE(durations_are_short) {
  BOOST_TEST(canopy::harness::duration(48) == "48 s");
  BOOST_TEST(canopy::harness::duration(720) == "12 min");
  BOOST_TEST(canopy::harness::duration(12600) == "3.5 h");
}

BOOST_AUTO_TEST_SUITE_END()
