#include <canopy/optim/schedule.hpp>

#include <cmath>

#include <canopy/core/error.hpp>
#include <canopy/optim/sgd.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using optim::CosineDecay;
using optim::HalveOnPlateau;

BOOST_AUTO_TEST_SUITE(schedule)

namespace {

struct OneParameter {
  Variable p = Variable::parameter(Tensor({1}, 1.f), "p");
  optim::SGD optimizer{{p}, {.learning_rate = 0.8}};
};

}  // namespace

BOOST_AUTO_TEST_CASE(cosine_ends_in_zero) {
  OneParameter one;
  CosineDecay schedule(one.optimizer, 4);
  BOOST_TEST(one.optimizer.learning_rate() == 0.8);
  const double expected[] = {0.4 * (1 + std::sqrt(0.5)), 0.4, 0.4 * (1 - std::sqrt(0.5)), 0., 0.};
  for (const double rate : expected) {
    schedule.step();
    BOOST_TEST(std::abs(one.optimizer.learning_rate() - rate) < 1e-15);
  }
  BOOST_TEST(one.optimizer.learning_rate() == 0);
  BOOST_CHECK_THROW(CosineDecay(one.optimizer, 0), ConfigError);
}

BOOST_AUTO_TEST_CASE(cosine_resumes) {
  OneParameter one;
  OneParameter other;
  CosineDecay schedule(one.optimizer, 7);
  CosineDecay resumed(other.optimizer, 7);
  schedule.step();
  schedule.step();
  resumed.load_state(schedule.state());
  BOOST_TEST(other.optimizer.learning_rate() == one.optimizer.learning_rate());
  schedule.step();
  resumed.step();
  BOOST_TEST(other.optimizer.learning_rate() == one.optimizer.learning_rate());
  BOOST_CHECK_THROW(resumed.load_state({}), CheckpointError);
  BOOST_CHECK_THROW(resumed.load_state({{"step", Tensor({2}, 1.f)}}), CheckpointError);
}

BOOST_AUTO_TEST_CASE(halves_after_patience_without_a_new_best) {
  OneParameter one;
  HalveOnPlateau schedule(one.optimizer, {.patience = 2});
  BOOST_TEST(!schedule.update(0.5));
  BOOST_TEST(!schedule.update(0.5));  // no new best: 1
  BOOST_TEST(!schedule.update(0.6));
  BOOST_TEST(!schedule.update(std::nan("")));  // 1
  BOOST_TEST(schedule.update(0.6));            // 2
  BOOST_TEST(one.optimizer.learning_rate() == 0.4);
  BOOST_TEST(!schedule.update(0.1));
  BOOST_TEST(schedule.update(0.1));
  BOOST_TEST(one.optimizer.learning_rate() == 0.2);
  BOOST_CHECK_THROW(HalveOnPlateau(one.optimizer, {.patience = 0}), ConfigError);
}

BOOST_AUTO_TEST_CASE(halving_for_losses) {
  OneParameter one;
  HalveOnPlateau schedule(one.optimizer, {.patience = 1, .higher_is_better = false});
  BOOST_TEST(!schedule.update(2));
  BOOST_TEST(!schedule.update(1));
  BOOST_TEST(schedule.update(3));
}

BOOST_AUTO_TEST_CASE(halving_resumes) {
  OneParameter one;
  OneParameter other;
  HalveOnPlateau schedule(one.optimizer, {.patience = 2});
  HalveOnPlateau resumed(other.optimizer, {.patience = 2});
  resumed.load_state(schedule.state());  // before any score
  for (const double score : {0.7, 0.7, 0.6, 0.65}) schedule.update(score);
  resumed.load_state(schedule.state());
  BOOST_TEST(other.optimizer.learning_rate() == 0.4);
  for (const double score : {0.7, 0.69, 0.8, 0.1}) {
    BOOST_TEST(schedule.update(score) == resumed.update(score));
    BOOST_TEST(other.optimizer.learning_rate() == one.optimizer.learning_rate());
  }
  BOOST_CHECK_THROW(resumed.load_state({{"waited", Tensor({1}, 0.f)}}), CheckpointError);
  BOOST_CHECK_THROW(resumed.load_state({{"waited", Tensor({1}, 0.5f)}, {"halvings", Tensor({1}, 0.f)}}),
                    CheckpointError);
}

BOOST_AUTO_TEST_SUITE_END()
