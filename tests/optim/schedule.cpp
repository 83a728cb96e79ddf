#include <canopy/optim/schedule.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/optim/sgd.hpp>

#include <boost/test/unit_test.hpp>

#include "support/reference.hpp"

using namespace canopy;
using namespace canopy::optim;

BOOST_AUTO_TEST_SUITE(schedule)

namespace {

// Rates of steps 0, 1, ...
void check(const Schedule& schedule, const std::vector<double>& expected, const std::string& what) {
  for (std::size_t step = 0; step < expected.size(); ++step) {
    const double rate = schedule(static_cast<std::int64_t>(step));
    BOOST_TEST(std::abs(rate - expected[step]) < 1e-15,
               what << ", step " << step << ": " << rate << " for " << expected[step]);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_schedule_follows_its_formula) {
  const double root = std::sqrt(0.5);
  check(constant(0.3), {0.3, 0.3, 0.3}, "constant");
  check(step_decay({.rate = 8, .every = 2, .factor = 0.5}), {8, 8, 4, 4, 2}, "step_decay");
  check(step_decay({.rate = 8, .factor = 0.5}), {8, 4, 2, 1}, "exponential decay");
  check(milestones({.rate = 8, .at = {1, 4, 4}, .factor = 0.5}), {8, 4, 4, 4, 1, 1}, "milestones");
  check(linear({.from = 1, .to = 3, .steps = 4}), {1, 1.5, 2, 2.5, 3, 3}, "linear");
  check(cosine({.rate = 0.8, .steps = 4}), {0.8, 0.4 * (1 + root), 0.4, 0.4 * (1 - root), 0, 0}, "cosine");
  check(cosine({.rate = 1, .steps = 2, .floor = 0.5}), {1, 0.75, 0.5, 0.5}, "cosine to a floor");
  BOOST_TEST(cosine({.rate = 1, .steps = 2})(2) == 0);
  check(triangle({.rate = 0.8, .steps = 8}), {0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.4, 0, 0}, "triangle");
  check(triangle({.rate = 1, .steps = 4, .base = 0, .falloff = 1}), {1, 0.75, 0.5, 0.25, 0}, "a triangle that falls");
  check(triangle({.rate = 1, .steps = 1}), {1, 0}, "a triangle of one step");
}

BOOST_AUTO_TEST_CASE(schedules_compose) {
  const Schedule falling = linear({.from = 4, .to = 0, .steps = 4});
  check(warm_up({.steps = 2}, falling), {0, 2, 4, 3, 2, 1, 0, 0}, "warm-up");
  check(warm_up({.steps = 2, .from = 0.5}, falling), {2, 3, 4, 3}, "warm-up from a half");
  check(warm_up({.steps = 0}, falling), {4, 3, 2}, "no warm-up");
  check(product(linear({.from = 0, .to = 1, .steps = 2}), falling), {0, 1.5, 2, 1, 0}, "a warm-up over the same steps");
  check(join({{2, falling}, {0, constant(7)}, {1, constant(9)}}, falling), {4, 3, 9, 4, 3, 2}, "join");
  check(product(constant(0.5), warm_up({.steps = 1}, join({{1, falling}}, step_decay({.rate = 8, .factor = 0.5})))),
        {0, 2, 4, 2, 1}, "nested");
  check([](std::int64_t step) { return 1. / static_cast<double>(step + 1); }, {1, 0.5}, "a function of one's own");
}

// Nothing needs saving but the step, and no step is too large: 2^24 + 3 is where a float stops counting.
BOOST_AUTO_TEST_CASE(a_schedule_is_a_function_of_the_step) {
  for (const std::int64_t step : {std::int64_t{3}, (std::int64_t{1} << 24) + 3, (std::int64_t{1} << 40) + 1}) {
    const Schedule schedule = warm_up({.steps = 2}, linear({.from = 0, .to = 1, .steps = std::int64_t{1} << 42}));
    BOOST_TEST(schedule(step) == std::ldexp(static_cast<double>(step - 2), -42));
    BOOST_TEST(schedule(step) > schedule(step - 1));
    BOOST_TEST(schedule(step) == schedule(step));
  }
}

BOOST_AUTO_TEST_CASE(an_optimizer_takes_the_rate_of_each_step) {
  Variable p = Variable::parameter(Tensor({1}, 1.f), "p");
  SGD optimizer({p}, {.learning_rate = 1});
  const Schedule rate = linear({.from = 0.5, .to = 0, .steps = 2});
  for (std::int64_t step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    p.accumulate(Tensor({1}, 1.f));
    optimizer.set_learning_rate(rate(step));
    optimizer.step();
  }
  BOOST_TEST(p.value().item() == 0.25f);
}

BOOST_AUTO_TEST_CASE(rates_agree_with_the_reference) {
  test::for_each_reference("schedule_", [](const Safetensors& file, const std::string& name) {
    const std::string& kind = file.metadata.at("kind");
    const Tensor& expected = file.tensors.at("multiplier");
    Tensor found(expected.shape());
    const auto fill = [&](const std::function<double(std::int64_t)>& value) {
      for (std::int64_t i = 0; i < found.size(); ++i) found.mutable_data()[i] = static_cast<float>(value(i));
    };
    if (kind == "budget triangle") {
      // By the share of the budget used, as the released code counts it; ours stays at 0 when the budget is spent.
      const std::int64_t steps = 900'000;
      const Tensor& share = file.tensors.at("t");
      fill([&](std::int64_t i) {
        if (share.data()[i] > 1) return static_cast<double>(expected.data()[i]);
        return triangle({.rate = 1, .steps = steps})(
            static_cast<std::int64_t>(static_cast<double>(share.data()[i]) * steps));
      });
      BOOST_TEST(triangle({.rate = 1, .steps = steps})(2 * steps) == 0);
    } else {
      const std::int64_t steps = std::stoll(file.metadata.at("steps")), warmup = std::stoll(file.metadata.at("warmup"));
      BOOST_REQUIRE(kind == "linear" || kind == "cosine");
      const Schedule schedule =
          warm_up({.steps = warmup}, kind == "linear" ? linear({.from = 1, .to = 0, .steps = steps - warmup})
                                                      : cosine({.rate = 1, .steps = steps - warmup}));
      // The reference's cosine rises again behind its end.
      fill([&](std::int64_t i) { return i > steps && kind == "cosine" ? expected.data()[i] : schedule(i); });
      BOOST_TEST(schedule(steps + 1) == 0);
    }
    test::check_close(found, expected, 1e-5, name);
  });
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  BOOST_CHECK_THROW(constant(nan), ConfigError);
  BOOST_CHECK_THROW(step_decay({.rate = 1, .every = 0}), ConfigError);
  BOOST_CHECK_THROW(step_decay({.rate = infinity, .every = 1}), ConfigError);
  BOOST_CHECK_THROW(milestones({.rate = 1, .at = {3, 2}}), ConfigError);
  BOOST_CHECK_THROW(milestones({.rate = 1, .at = {}, .factor = nan}), ConfigError);
  BOOST_CHECK_THROW(linear({.from = 0, .to = 1, .steps = 0}), ConfigError);
  BOOST_CHECK_THROW(linear({.from = nan, .to = 1}), ConfigError);
  BOOST_CHECK_THROW(cosine({.rate = 1, .steps = -1}), ConfigError);
  BOOST_CHECK_THROW(cosine({.rate = 1, .floor = nan}), ConfigError);
  BOOST_CHECK_THROW(warm_up({.steps = -1}, constant(1)), ConfigError);
  BOOST_CHECK_THROW(warm_up({.steps = 1}, {}), ConfigError);
  BOOST_CHECK_THROW(join({{-1, constant(1)}}, constant(1)), ConfigError);
  BOOST_CHECK_THROW(join({{1, {}}}, constant(1)), ConfigError);
  BOOST_CHECK_THROW(product(constant(1), {}), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
