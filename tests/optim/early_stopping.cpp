#include <canopy/optim/early_stopping.hpp>

#include <cmath>
#include <cstdint>

#include <canopy/core/error.hpp>
#include <canopy/nn/module.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using optim::EarlyStopping;

BOOST_AUTO_TEST_SUITE(early_stopping)

namespace {

void write(Variable p, float value) { p.mutable_value().mutable_data()[0] = value; }

// Whatever a module's state may be: parameters, one of them transposed in files, a buffer, one that is not saved.
struct Inner : nn::Module {
  Variable weight = add_parameter("weight", Tensor({1, 2}, {1.f, 2.f}), nn::FileLayout::transposed);
  Variable mean = add_buffer("mean", Tensor({1}, 3.f), true);
  Variable scratch = add_buffer("scratch", Tensor({1}, 4.f), false);
};
struct Model : nn::Module {
  Inner inner;
  Variable bias = add_parameter("bias", Tensor({1}, 5.f));
  Model() { add_module("inner", inner); }
};

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

BOOST_AUTO_TEST_CASE(restores_a_model_with_its_buffers) {
  Model model;
  EarlyStopping stopping(model, {.patience = 1});
  stopping.update(0.9, 0);
  for (const Variable& each : {model.inner.weight, model.inner.mean, model.inner.scratch, model.bias}) write(each, 7.f);
  stopping.update(0.8, 1);
  BOOST_TEST(stopping.should_stop());
  BOOST_TEST(model.bias.value().item() == 7.f);
  stopping.restore();
  BOOST_TEST(model.inner.weight.value().data()[0] == 1.f);
  BOOST_TEST(model.inner.weight.value().data()[1] == 2.f);
  BOOST_TEST(model.inner.mean.value().item() == 3.f);
  BOOST_TEST(model.inner.scratch.value().item() == 7.f);
  BOOST_TEST(model.bias.value().item() == 5.f);

  // And the best travels to another process.
  Model other;
  write(other.bias, 8.f);
  EarlyStopping resumed(other, {.patience = 1});
  resumed.load_state(stopping.state());
  resumed.restore();
  BOOST_TEST(other.bias.value().item() == 5.f);
  // A copy of the state is nothing to watch: what is written to it reaches no model.
  static_assert(!std::is_constructible_v<EarlyStopping, nn::StateDict>);
}

BOOST_AUTO_TEST_CASE(stops_without_any_number) {
  EarlyStopping stopping(std::vector<Variable>{}, {.patience = 2});
  stopping.update(std::nan(""), 0);
  BOOST_TEST(!stopping.should_stop());
  stopping.update(std::nan(""), 1);
  BOOST_TEST(stopping.should_stop());
  BOOST_CHECK_THROW(EarlyStopping(std::vector<Variable>{}, {.patience = 0}), ConfigError);
}

BOOST_AUTO_TEST_CASE(losses_improve_downwards) {
  EarlyStopping stopping(std::vector<Variable>{}, {.higher_is_better = false});
  BOOST_TEST(stopping.update(2, 0));
  BOOST_TEST(!stopping.update(3, 1));
  BOOST_TEST(stopping.update(1, 2));
}

BOOST_AUTO_TEST_CASE(resumes) {
  Variable p = Variable::parameter(Tensor({1}, 5.f));
  EarlyStopping stopping({p}, {.patience = 3});
  Variable q = Variable::parameter(Tensor({1}, 0.f));
  EarlyStopping resumed({q}, {.patience = 3});
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

  optim::State state = stopping.state();
  state.tensors.erase("best.0");
  BOOST_CHECK_THROW(resumed.load_state(state), CheckpointError);
  state = stopping.state();
  state.tensors["best.other"] = Tensor({1}, 0.f);
  BOOST_CHECK_THROW(resumed.load_state(state), CheckpointError);
  state = stopping.state();
  state.tensors["best.0"] = Tensor({2}, 0.f);
  BOOST_CHECK_THROW(resumed.load_state(state), CheckpointError);
  BOOST_CHECK_THROW(resumed.load_state({}), CheckpointError);
  BOOST_TEST(resumed.best_epoch() == 0);
}

// A float holds no count above 2^24, and 32 bits none above 2^31.
BOOST_AUTO_TEST_CASE(epochs_are_counted_exactly) {
  constexpr std::int64_t epoch = (1 << 24) + 1;
  EarlyStopping stopping(std::vector<Variable>{}), resumed(std::vector<Variable>{});
  stopping.update(0.5, epoch);
  resumed.load_state(stopping.state());
  BOOST_TEST(resumed.best_epoch() == epoch);
  stopping.update(0.6, std::int64_t{1} << 31);
  BOOST_CHECK_THROW(stopping.state(), CheckpointError);
}

BOOST_AUTO_TEST_SUITE_END()
