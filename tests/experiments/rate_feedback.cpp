#include <canopy/experiments/training/rate_feedback.hpp>

#include <cmath>
#include <numbers>

#include <canopy/core/error.hpp>
#include <canopy/experiments/training/optimisation.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::training;

BOOST_AUTO_TEST_SUITE(rate_feedback)

BOOST_AUTO_TEST_CASE(the_rate_is_tripled_after_five_evaluations_until_there_is_a_better_one) {
  TripleWhileStuck rate;
  BOOST_TEST(!rate.update({}, 80, true));
  for (int waited = 1; waited < 5; ++waited) BOOST_TEST(!rate.update({}, 80, false));
  BOOST_TEST(rate.factor() == 1);
  BOOST_TEST(rate.update({}, 80, false));
  BOOST_TEST(rate.factor() == 3);
  BOOST_TEST(!rate.update({}, 80, false));  // stays

  TripleWhileStuck resumed;
  resumed.load_state(rate.state());
  BOOST_TEST(resumed.factor() == 3);
  BOOST_TEST(resumed.update({}, 81, true));
  BOOST_TEST(resumed.factor() == 1);
  BOOST_TEST(!resumed.update({}, 81, false));

  rate.restart();
  BOOST_TEST(rate.factor() == 1);
  for (int waited = 1; waited < 5; ++waited) BOOST_TEST(!rate.update({}, 80, false));
  BOOST_TEST(rate.update({}, 80, false));
  BOOST_CHECK_THROW(rate.load_state({}), CheckpointError);
}

BOOST_AUTO_TEST_CASE(a_good_model_is_never_boosted) {
  TripleWhileStuck rate;
  for (int epoch = 0; epoch < 20; ++epoch) BOOST_TEST(!rate.update({}, 90, false));
  BOOST_TEST(rate.factor() == 1);
}

BOOST_AUTO_TEST_CASE(the_rate_is_halved_where_a_score_stands_still) {
  HalveOnPlateau rate({.name = "accuracy"}, 2);
  for (int epoch = 0; epoch < 3; ++epoch) BOOST_TEST(!rate.update({{"loss", -epoch}, {"accuracy", 50}}, 1, true));
  BOOST_TEST(rate.factor() == 0.5);
  HalveOnPlateau resumed({.name = "accuracy"}, 2);
  resumed.load_state(rate.state());
  BOOST_TEST(resumed.factor() == 0.5);
  BOOST_CHECK_THROW(rate.update({{"loss", 1}}, 1, true), ConfigError);
}

// What the recipes name, to the bit, as every result so far was trained.
BOOST_AUTO_TEST_CASE(schedules_by_name) {
  Optimisation recipe{.learning_rate = 0.2};
  BOOST_TEST(make_schedule(recipe, 7)(5) == 0.2);
  BOOST_CHECK(make_feedback(recipe, {.name = "accuracy"}) == nullptr);
  recipe.schedule = "cosine";
  const optim::Schedule cosine = make_schedule(recipe, 7);
  for (int step = 0; step < 7; ++step) {
    BOOST_TEST(cosine(step) == 0.2 / 2 * (1 + std::cos(std::numbers::pi * (step / 7.))));
  }
  BOOST_TEST(cosine(7) == 0);
  recipe.schedule = "linear";
  recipe.warm_up = 0.2;
  const optim::Schedule linear = make_schedule(recipe, 10);
  BOOST_TEST(linear(0) == 0);
  BOOST_TEST(linear(1) == 0.1, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(linear(2) == 0.2, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(linear(6) == 0.1, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(linear(10) == 0);
  recipe.schedule = "plateau";
  BOOST_CHECK(make_feedback(recipe, {.name = "accuracy"}) != nullptr);
  BOOST_TEST(make_schedule(recipe, 10)(9) == 0.2);
}

BOOST_AUTO_TEST_SUITE_END()
