#include <canopy/experiments/training/learning_rate.hpp>

#include <cmath>
#include <numbers>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using training::LearningRate;

BOOST_AUTO_TEST_SUITE(learning_rate)

BOOST_AUTO_TEST_CASE(a_boost_comes_after_five_epochs_and_goes_with_the_first_better_one) {
  LearningRate rate({.schedule = "boost", .rate = 0.001});
  BOOST_TEST(!rate.epoch(50, 80, true));
  for (int waited = 1; waited < 5; ++waited) BOOST_TEST(!rate.epoch(50, 80, false));
  BOOST_TEST(rate.at(0) == 0.001);
  BOOST_TEST(rate.epoch(50, 80, false));
  BOOST_TEST(rate.at(9) == 3 * 0.001);
  BOOST_TEST(!rate.epoch(50, 80, false));  // stays

  LearningRate resumed({.schedule = "boost", .rate = 0.001});
  resumed.load_state(rate.state());
  BOOST_TEST(resumed.at(9) == 3 * 0.001);
  BOOST_TEST(resumed.epoch(50, 81, true));
  BOOST_TEST(resumed.at(9) == 0.001);
  BOOST_TEST(!resumed.epoch(50, 81, false));

  rate.restart();
  BOOST_TEST(rate.at(9) == 0.001);
  for (int waited = 1; waited < 5; ++waited) BOOST_TEST(!rate.epoch(50, 80, false));
  BOOST_TEST(rate.epoch(50, 80, false));
  BOOST_CHECK_THROW(rate.load_state({}), CheckpointError);
}

BOOST_AUTO_TEST_CASE(a_good_model_is_never_boosted) {
  LearningRate rate({.schedule = "boost", .rate = 0.001});
  for (int epoch = 0; epoch < 20; ++epoch) BOOST_TEST(!rate.epoch(95, 90, false));
  BOOST_TEST(rate.at(0) == 0.001);
}

BOOST_AUTO_TEST_CASE(the_other_schedules_are_those_of_the_library) {
  LearningRate constant({.schedule = "constant", .rate = 0.2});
  BOOST_TEST(!constant.epoch(1, 1, false));
  BOOST_TEST(constant.at(7) == 0.2);
  BOOST_TEST(constant.state().counts.empty());

  // To the bit, as every result so far was trained.
  const LearningRate cosine({.schedule = "cosine", .rate = 0.2, .steps = 7});
  for (int step = 0; step < 7; ++step) {
    BOOST_TEST(cosine.at(step) == 0.2 / 2 * (1 + std::cos(std::numbers::pi * (step / 7.))));
  }
  BOOST_TEST(cosine.at(7) == 0);
  BOOST_TEST(cosine.at(8) == 0);

  LearningRate plateau({.schedule = "plateau", .rate = 0.2, .plateau = 2});
  for (int epoch = 0; epoch < 3; ++epoch) BOOST_TEST(!plateau.epoch(50, 1, true));
  BOOST_TEST(plateau.at(0) == 0.1);
}

BOOST_AUTO_TEST_CASE(states_of_earlier_versions_count_in_floats) {
  LearningRate plateau({.schedule = "plateau", .rate = 0.2, .plateau = 2});
  plateau.load_state(
      {.tensors = {{"best", Tensor({1}, 50.f)}, {"waited", Tensor({1}, 1.f)}, {"halvings", Tensor({1}, 2.f)}}});
  BOOST_TEST(plateau.at(0) == 0.05);
  plateau.epoch(50, 1, false);
  BOOST_TEST(plateau.at(0) == 0.025);

  LearningRate boost({.schedule = "boost", .rate = 0.001});
  boost.load_state({.tensors = {{"waited", Tensor({1}, 6.f)}, {"on", Tensor({1}, 1.f)}}});
  BOOST_TEST(boost.at(0) == 3 * 0.001);

  LearningRate cosine({.schedule = "cosine", .rate = 0.2, .steps = 7});
  cosine.load_state({.tensors = {{"step", Tensor({1}, 3.f)}}});  // which the training knows itself
}

BOOST_AUTO_TEST_SUITE_END()
