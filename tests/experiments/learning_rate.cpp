#include <canopy/experiments/training/learning_rate.hpp>

#include <canopy/canopy.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using training::LearningRate;

BOOST_AUTO_TEST_SUITE(learning_rate)

namespace {

optim::SGD optimizer_at(double rate) {
  return optim::SGD({Variable::parameter(Tensor({2}, 1.f))}, {.learning_rate = rate});
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_boost_comes_after_five_epochs_and_goes_with_the_first_better_one) {
  auto optimizer = optimizer_at(0.001);
  LearningRate rate(optimizer, {.schedule = "boost"});
  BOOST_TEST(!rate.epoch(50, 80, true));
  for (int waited = 1; waited < 5; ++waited) BOOST_TEST(!rate.epoch(50, 80, false));
  BOOST_TEST(optimizer.learning_rate() == 0.001);
  BOOST_TEST(rate.epoch(50, 80, false));
  BOOST_TEST(optimizer.learning_rate() == 0.003, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(!rate.epoch(50, 80, false));  // stays

  auto other = optimizer_at(0.001);
  LearningRate resumed(other, {.schedule = "boost"});
  resumed.load_state(rate.state());
  BOOST_TEST(other.learning_rate() == 0.003, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(resumed.epoch(50, 81, true));
  BOOST_TEST(other.learning_rate() == 0.001);
  BOOST_TEST(!resumed.epoch(50, 81, false));

  rate.restart();
  BOOST_TEST(optimizer.learning_rate() == 0.001);
  for (int waited = 1; waited < 5; ++waited) BOOST_TEST(!rate.epoch(50, 80, false));
  BOOST_TEST(rate.epoch(50, 80, false));
}

BOOST_AUTO_TEST_CASE(a_good_model_is_never_boosted) {
  auto optimizer = optimizer_at(0.001);
  LearningRate rate(optimizer, {.schedule = "boost"});
  for (int epoch = 0; epoch < 20; ++epoch) BOOST_TEST(!rate.epoch(95, 90, false));
  BOOST_TEST(optimizer.learning_rate() == 0.001);
}

BOOST_AUTO_TEST_CASE(the_other_schedules_are_those_of_the_library) {
  auto optimizer = optimizer_at(0.2);
  LearningRate constant(optimizer, {.schedule = "constant"});
  constant.step();
  BOOST_TEST(!constant.epoch(1, 1, false));
  BOOST_TEST(optimizer.learning_rate() == 0.2);

  LearningRate cosine(optimizer, {.schedule = "cosine", .steps = 2});
  cosine.step();
  BOOST_TEST(optimizer.learning_rate() == 0.1, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(!cosine.epoch(1, 1, false));

  auto halved = optimizer_at(0.2);
  LearningRate plateau(halved, {.schedule = "plateau", .plateau = 2});
  for (int epoch = 0; epoch < 3; ++epoch) BOOST_TEST(!plateau.epoch(50, 1, true));
  BOOST_TEST(halved.learning_rate() == 0.1, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_SUITE_END()
