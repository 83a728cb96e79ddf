#include <canopy/optim/early_stopping.hpp>

#include <cmath>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using optim::EarlyStopping;

BOOST_AUTO_TEST_SUITE(early_stopping)

namespace {

void write(Variable& p, float value) { p.mutable_value().mutable_data()[0] = value; }

}  // namespace

BOOST_AUTO_TEST_CASE(stops_after_patience_and_restores_the_best) {
  Variable p = Variable::parameter(Tensor({1}, 0.f));
  EarlyStopping stopping({p}, {.patience = 2});
  BOOST_CHECK_THROW(stopping.restore(), ConfigError);
  const double scores[] = {0.5, 0.7, 0.6, std::nan("")};
  const bool improved[] = {true, true, false, false};
  for (int epoch = 0; epoch < 4; ++epoch) {
    BOOST_TEST(!stopping.should_stop());
    write(p, static_cast<float>(epoch));
    BOOST_TEST(stopping.update(scores[epoch], epoch) == improved[epoch]);
  }
  BOOST_TEST(stopping.should_stop());
  BOOST_TEST(stopping.best_epoch() == 1);
  BOOST_TEST(stopping.best_score() == 0.7f);
  BOOST_TEST(p.value().item() == 3.f);
  stopping.restore();
  BOOST_TEST(p.value().item() == 1.f);
  // What was restored is a copy, too: training on does not spoil the best state.
  write(p, 9.f);
  stopping.restore();
  BOOST_TEST(p.value().item() == 1.f);
}

BOOST_AUTO_TEST_CASE(stops_without_any_number) {
  EarlyStopping stopping(std::map<std::string, Tensor>{}, {.patience = 2});
  stopping.update(std::nan(""), 0);
  BOOST_TEST(!stopping.should_stop());
  stopping.update(std::nan(""), 1);
  BOOST_TEST(stopping.should_stop());
  BOOST_CHECK_THROW(EarlyStopping(std::map<std::string, Tensor>{}, {.patience = 0}), ConfigError);
}

BOOST_AUTO_TEST_CASE(losses_improve_downwards) {
  EarlyStopping stopping(std::map<std::string, Tensor>{}, {.higher_is_better = false});
  BOOST_TEST(stopping.update(2, 0));
  BOOST_TEST(!stopping.update(3, 1));
  BOOST_TEST(stopping.update(1, 2));
}

BOOST_AUTO_TEST_CASE(resumes) {
  Variable p = Variable::parameter(Tensor({1}, 5.f));
  EarlyStopping stopping({{"weight", p.value()}}, {.patience = 3});
  Variable q = Variable::parameter(Tensor({1}, 0.f));
  EarlyStopping resumed({{"weight", q.value()}}, {.patience = 3});
  resumed.load_state(stopping.state());
  BOOST_TEST(resumed.best_epoch() == -1);
  stopping.update(0.4, 0);
  write(p, 6.f);
  stopping.update(0.3, 1);
  resumed.load_state(stopping.state());
  BOOST_TEST(resumed.best_epoch() == 0);
  BOOST_TEST(!resumed.update(0.4, 2));
  BOOST_TEST(!resumed.should_stop());
  BOOST_TEST(!resumed.update(0.4, 3));
  BOOST_TEST(resumed.should_stop());
  resumed.restore();
  BOOST_TEST(q.value().item() == 5.f);

  auto state = stopping.state();
  state.erase("best.weight");
  BOOST_CHECK_THROW(resumed.load_state(state), CheckpointError);
  state = stopping.state();
  state["best.other"] = Tensor({1}, 0.f);
  BOOST_CHECK_THROW(resumed.load_state(state), CheckpointError);
  state = stopping.state();
  state["best.weight"] = Tensor({2}, 0.f);
  BOOST_CHECK_THROW(resumed.load_state(state), CheckpointError);
  BOOST_CHECK_THROW(resumed.load_state({}), CheckpointError);
  BOOST_TEST(resumed.best_epoch() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
