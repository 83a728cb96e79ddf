#include <canopy/optim/plateau.hpp>

#include <cmath>
#include <limits>

#include <canopy/core/error.hpp>
#include <canopy/optim/schedule.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using optim::Plateau;

BOOST_AUTO_TEST_SUITE(plateau)

BOOST_AUTO_TEST_CASE(falls_after_patience_without_a_new_best) {
  Plateau plateau({.patience = 2});
  BOOST_TEST(!plateau.update(0.5));
  BOOST_TEST(!plateau.update(0.5));  // no new best: 1
  BOOST_TEST(!plateau.update(0.6));
  BOOST_TEST(!plateau.update(std::nan("")));  // 1
  BOOST_TEST(plateau.factor() == 1);
  BOOST_TEST(plateau.update(0.6));  // 2
  BOOST_TEST(plateau.factor() == 0.5);
  BOOST_TEST(!plateau.update(0.1));
  BOOST_TEST(plateau.update(0.1));
  BOOST_TEST(plateau.factor() == 0.25);
}

BOOST_AUTO_TEST_CASE(losses_improve_downwards) {
  Plateau plateau({.patience = 1, .factor = 0.1, .higher_is_better = false});
  BOOST_TEST(!plateau.update(2));
  BOOST_TEST(!plateau.update(1));
  BOOST_TEST(plateau.update(3));
  BOOST_TEST(plateau.factor() == 0.1);
}

BOOST_AUTO_TEST_CASE(a_threshold_asks_for_more) {
  for (const bool higher : {true, false}) {
    const double sign = higher ? 1 : -1;
    Plateau plateau({.patience = 1, .higher_is_better = higher, .threshold = 0.25});
    BOOST_TEST(!plateau.update(0));
    BOOST_TEST(plateau.update(sign * 0.25));
    BOOST_TEST(!plateau.update(sign * 0.5));
  }
}

BOOST_AUTO_TEST_CASE(updates_while_cooling_down_do_not_count) {
  Plateau plateau({.patience = 1, .cooldown = 2});
  plateau.update(1);
  const bool falls[] = {true, false, false, true, false, false, true};
  for (const bool expected : falls) BOOST_TEST(plateau.update(0) == expected);
}

// A schedule and a plateau for one optimizer: neither undoes the other.
BOOST_AUTO_TEST_CASE(composes_with_a_schedule) {
  const optim::Schedule schedule = optim::linear({.from = 1, .to = 0, .steps = 4});
  Plateau plateau({.patience = 1});
  const double expected[] = {1, 0.375, 0.125, 0.03125};
  for (int epoch = 0; epoch < 4; ++epoch) {
    BOOST_TEST(schedule(epoch) * plateau.factor() == expected[epoch]);
    if (epoch == 0) plateau.update(1);
    plateau.update(1);
  }
}

BOOST_AUTO_TEST_CASE(resumes_wherever_it_was_interrupted) {
  const double scores[] = {0.7, 0.7, 0.6, 0.65, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1};
  for (int interruption = 0; interruption < 10; ++interruption) {
    const optim::PlateauOptions options{.patience = 2, .cooldown = 1};
    Plateau whole(options), first(options), second(options);
    for (int i = 0; i < 10; ++i) {
      if (i == interruption) second.load_state(first.state());
      const bool fell = whole.update(scores[i]);
      BOOST_TEST((i < interruption ? first : second).update(scores[i]) == fell);
    }
    BOOST_TEST(second.factor() == whole.factor());
    BOOST_TEST(whole.factor() == 0.125);
  }
}

BOOST_AUTO_TEST_CASE(states_that_do_not_fit_change_nothing) {
  Plateau plateau({.patience = 1});
  plateau.update(1);
  plateau.update(1);
  const optim::State good = plateau.state();
  optim::State state = good;
  state.counts.erase("waited");
  BOOST_CHECK_THROW(plateau.load_state(state), CheckpointError);
  state = good;
  state.counts["waited"] = Indices({1}, -1);
  BOOST_CHECK_THROW(plateau.load_state(state), CheckpointError);
  state = good;
  state.counts["other"] = Indices({1}, 1);
  BOOST_CHECK_THROW(plateau.load_state(state), CheckpointError);
  state = good;
  state.tensors["best"] = Tensor({2}, 1.f);
  BOOST_CHECK_THROW(plateau.load_state(state), CheckpointError);
  BOOST_TEST(plateau.factor() == 0.5);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense) {
  BOOST_CHECK_THROW(Plateau({.patience = 0}), ConfigError);
  for (const double factor : {0., 1., -0.5, std::numeric_limits<double>::quiet_NaN()}) {
    BOOST_CHECK_THROW(Plateau({.factor = factor}), ConfigError);
  }
  BOOST_CHECK_THROW(Plateau({.threshold = -1}), ConfigError);
  BOOST_CHECK_THROW(Plateau({.cooldown = -1}), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
