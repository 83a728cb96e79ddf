#include <canopy/optim/optimizer.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include <canopy/core/error.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/optim/adam.hpp>
#include <canopy/optim/sgd.hpp>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "support/reference.hpp"
#include "support/same_bits.hpp"

using namespace canopy;

BOOST_AUTO_TEST_SUITE(optimizer)

namespace {

// Gradient of sum(scale * (p - target)^2).
void pull(Variable& p, const Tensor& target, const Tensor& scale) {
  Tensor grad(p.shape());
  float* g = grad.mutable_data();
  for (std::int64_t i = 0; i < p.size(); ++i) {
    g[i] = 2 * scale.data()[i] * (p.value().data()[i] - target.data()[i]);
  }
  p.zero_grad();
  p.accumulate(std::move(grad));
}

std::unique_ptr<optim::Optimizer> make_optimizer(const std::string& name, const nlohmann::json& settings,
                                                 const Variable& p) {
  const auto number = [&](const char* key) { return settings.at(key).get<double>(); };
  std::vector<Variable> parameters{p};
  if (name == "SGD") {
    BOOST_REQUIRE_EQUAL(number("dampening"), 0);
    return std::make_unique<optim::SGD>(parameters, optim::SGDOptions{.learning_rate = number("lr"),
                                                                      .momentum = number("momentum"),
                                                                      .nesterov = settings.at("nesterov").get<bool>(),
                                                                      .weight_decay = number("weight_decay")});
  }
  BOOST_REQUIRE_MESSAGE(name == "Adam" || name == "AdamW", "an optimizer that canopy does not have: " << name);
  BOOST_REQUIRE(!settings.at("amsgrad").get<bool>());
  const double beta1 = settings.at("betas").at(0).get<double>();
  const double beta2 = settings.at("betas").at(1).get<double>();
  if (name == "Adam") {
    return std::make_unique<optim::Adam>(parameters, optim::AdamOptions{.learning_rate = number("lr"),
                                                                        .beta1 = beta1,
                                                                        .beta2 = beta2,
                                                                        .epsilon = number("eps"),
                                                                        .weight_decay = number("weight_decay")});
  }
  return std::make_unique<optim::AdamW>(parameters, optim::AdamWOptions{.learning_rate = number("lr"),
                                                                        .beta1 = beta1,
                                                                        .beta2 = beta2,
                                                                        .epsilon = number("eps"),
                                                                        .weight_decay = number("weight_decay")});
}

// A few steps of a parameter towards zero.
void steps(optim::Optimizer& optimizer, Variable& p, int count) {
  const Tensor target = Tensor::zeros(p.shape());
  const Tensor scale(p.shape(), 0.3f);
  for (int i = 0; i < count; ++i) {
    pull(p, target, scale);
    optimizer.step();
  }
}

std::vector<float> values(const Variable& p) { return {p.value().elements().begin(), p.value().elements().end()}; }

}  // namespace

// Every optimizer_* file: the parameter after each step, to 1e-3 of the largest magnitude.
BOOST_AUTO_TEST_CASE(paths_agree_with_the_reference) {
  test::for_each_reference("optimizer_", [](const Safetensors& reference, const std::string& name) {
    const Tensor& target = reference.tensors.at("target");
    const Tensor& scale = reference.tensors.at("scale");
    const Tensor& path = reference.tensors.at("path");
    Variable p = Variable::parameter(reference.tensors.at("start").clone(), "p");
    const auto optimizer =
        make_optimizer(reference.metadata.at("optimizer"), nlohmann::json::parse(reference.metadata.at("settings")), p);
    BOOST_REQUIRE_EQUAL(path.size(), path.extent(0) * p.size());
    float largest = 0;
    for (const float v : path.elements()) largest = std::max(largest, std::abs(v));
    double worst = 0;
    for (std::int64_t t = 0; t < path.extent(0); ++t) {
      pull(p, target, scale);
      optimizer->step();
      for (std::int64_t i = 0; i < p.size(); ++i) {
        const double error = std::abs(static_cast<double>(p.value().data()[i]) - path.data()[t * p.size() + i]);
        worst = std::isnan(error) ? error : std::max(worst, error);
      }
    }
    BOOST_TEST(worst <= 1e-3 * largest, name << ": off by " << worst << " of " << largest);
    BOOST_TEST_MESSAGE(name << ": relative error " << worst / largest);
  });
}

BOOST_AUTO_TEST_CASE(one_step_by_hand) {
  Variable p = Variable::parameter(Tensor({2}, {1.f, -2.f}));
  p.accumulate(Tensor({2}, {0.5f, 4.f}));
  optim::SGD({p}, {.learning_rate = 0.1, .weight_decay = 0.1}).step();
  BOOST_TEST(values(p)[0] == 1.f - 0.1f * (0.5f + 0.1f), boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(values(p)[1] == -2.f - 0.1f * (4.f - 0.2f), boost::test_tools::tolerance(1e-6f));
  // The first step of Adam has the length of the learning rate, whatever the gradient.
  optim::Adam({p}, {.learning_rate = 1e-3f}).step();
  BOOST_TEST(values(p)[0] == 0.94f - 0.001f, boost::test_tools::tolerance(1e-5f));
  // Nesterov's first step: g + momentum g.
  Variable q = Variable::parameter(Tensor({1}, 1.f));
  q.accumulate(Tensor({1}, 1.f));
  optim::SGD({q}, {.learning_rate = 0.1, .momentum = 0.5, .nesterov = true}).step();
  BOOST_TEST(values(q)[0] == 0.85f, boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(parameters_without_gradient_stay) {
  Variable p = Variable::parameter(Tensor({3}, 1.f), "p");
  Variable q = Variable::parameter(Tensor({3}, 1.f), "q");
  optim::AdamW optimizer({p, q}, {.weight_decay = 0.5});
  p.accumulate(Tensor({3}, 1.f));
  optimizer.step();
  BOOST_TEST(values(p)[0] != 1.f);
  BOOST_TEST(values(q) == std::vector<float>(3, 1.f), boost::test_tools::per_element());
  BOOST_TEST(optimizer.state().counts.contains("p.step"));
  BOOST_TEST(!optimizer.state().counts.contains("q.step"));
  optimizer.zero_grad();
  BOOST_TEST(!p.has_grad());
}

BOOST_AUTO_TEST_CASE(groups_override_and_follow_the_schedule) {
  Variable p = Variable::parameter(Tensor({1}, 1.f));
  Variable q = Variable::parameter(Tensor({1}, 1.f));
  optim::SGD optimizer({{.parameters = {p}}, {.parameters = {q}, .learning_rate = 0.01, .weight_decay = 1.0}},
                       {.learning_rate = 0.1});
  const auto step = [&] {
    optimizer.zero_grad();
    p.accumulate(Tensor({1}, 1.f));
    q.accumulate(Tensor({1}, 1.f));
    optimizer.step();
  };
  step();
  BOOST_TEST(values(p)[0] == 0.9f, boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(values(q)[0] == 0.98f, boost::test_tools::tolerance(1e-6f));
  optimizer.set_learning_rate(0.2);
  step();
  BOOST_TEST(values(p)[0] == 0.7f, boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(values(q)[0] == 0.98f - 0.02f * 1.98f, boost::test_tools::tolerance(1e-6f));
}

// Saved, loaded into a new optimizer and continued: the same bits as without a break.
BOOST_AUTO_TEST_CASE(state_resumes_to_the_same_bits) {
  const auto make = [](Variable& p, bool adam) -> std::unique_ptr<optim::Optimizer> {
    if (adam) return std::make_unique<optim::Adam>(std::vector{p});
    return std::make_unique<optim::SGD>(std::vector{p}, optim::SGDOptions{.momentum = 0.9});
  };
  for (const bool adam : {false, true}) {
    for (const char* name : {"weight", ""}) {
      Variable p = Variable::parameter(Tensor({2, 2}, {1.f, -2.f, 3.f, 0.5f}), name);
      const auto whole = make(p, adam);
      steps(*whole, p, 4);
      Variable q = Variable::parameter(p.value().clone(), name);
      const auto resumed = make(q, adam);
      const auto state = whole->state();
      resumed->load_state(state);
      steps(*whole, p, 5);
      steps(*resumed, q, 5);
      BOOST_TEST(values(p) == values(q), boost::test_tools::per_element());
      // The state is a copy: steps after it did not change it.
      BOOST_TEST(state.counts.at(*name ? "weight.step" : "0.step").item() == 4);
    }
  }
}

BOOST_AUTO_TEST_CASE(states_that_do_not_fit_change_nothing) {
  Variable p = Variable::parameter(Tensor({2}, 1.f), "p");
  optim::Adam optimizer({p});
  steps(optimizer, p, 2);
  const auto good = optimizer.state();
  auto state = good;
  state.tensors.erase("p.exp_avg");
  BOOST_CHECK_THROW(optimizer.load_state(state), CheckpointError);
  state = good;
  state.counts.erase("p.step");
  BOOST_CHECK_THROW(optimizer.load_state(state), CheckpointError);
  state = good;
  state.counts["q.step"] = Indices({1}, 1);
  BOOST_CHECK_THROW(optimizer.load_state(state), CheckpointError);
  state = good;
  state.tensors["p.exp_avg_sq"] = Tensor({3}, 1.f);
  BOOST_CHECK_THROW(optimizer.load_state(state), CheckpointError);
  state = good;
  state.counts["p.step"] = Indices({1}, -1);
  BOOST_CHECK_THROW(optimizer.load_state(state), CheckpointError);
  state.counts["p.step"] = Indices({2}, 1);
  BOOST_CHECK_THROW(optimizer.load_state(state), CheckpointError);
  for (const float count : {1.5f, -1.f, 0x1p31f, std::nanf("")}) {
    state = good;
    state.counts.clear();
    state.tensors["p.step"] = Tensor({1}, count);
    BOOST_CHECK_THROW(optimizer.load_state(state), CheckpointError);
  }
  const auto after = optimizer.state();
  BOOST_TEST(after.tensors.size() == good.tensors.size());
  for (const auto& [key, tensor] : good.tensors) BOOST_TEST(test::same_bits(after.tensors.at(key), tensor), key);
  BOOST_TEST(after.counts.size() == 1u);
  BOOST_TEST(after.counts.at("p.step").item() == 2);
}

// A float stays at 16,777,216.
BOOST_AUTO_TEST_CASE(steps_are_counted_exactly) {
  constexpr std::int32_t largest = std::numeric_limits<std::int32_t>::max();
  const auto counted = [](std::int32_t before) {
    Variable p = Variable::parameter(Tensor({1}, 1.f), "p");
    optim::SGD optimizer({p});
    optimizer.load_state({.tensors = {}, .counts = {{"p.step", Indices({1}, before)}}});
    steps(optimizer, p, 3);
    return optimizer.state().counts.at("p.step").item();
  };
  BOOST_TEST(counted(0) == 3);
  BOOST_TEST(counted(16'777'216) == 16'777'219);
  BOOST_TEST(counted(largest - 1) == largest);  // where it no longer matters, and nothing wraps
}

BOOST_AUTO_TEST_CASE(states_of_earlier_versions_count_in_floats) {
  Variable p = Variable::parameter(Tensor({2}, 1.f), "p"), q = Variable::parameter(Tensor({2}, 1.f), "p");
  optim::Adam whole({p}), resumed({q});
  steps(whole, p, 3);
  optim::State old = whole.state();
  old.tensors["p.step"] = Tensor({1}, static_cast<float>(old.counts.at("p.step").item()));
  old.counts.clear();
  std::copy_n(p.value().data(), 2, q.mutable_value().mutable_data());
  resumed.load_state(old);
  steps(whole, p, 2);
  steps(resumed, q, 2);
  BOOST_TEST(test::same_bits(q.value(), p.value()));
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense) {
  Variable p = Variable::parameter(Tensor({1}, 1.f), "p");
  using optim::Adam;
  using optim::SGD;
  BOOST_CHECK_THROW(SGD({p}, {.learning_rate = 0}), ConfigError);
  BOOST_CHECK_THROW(SGD({p}, {.learning_rate = std::nan("")}), ConfigError);
  BOOST_CHECK_THROW(SGD({p}, {.momentum = 1}), ConfigError);
  BOOST_CHECK_THROW(SGD({p}, {.nesterov = true}), ConfigError);
  BOOST_CHECK_THROW(SGD({p}, {.weight_decay = -1}), ConfigError);
  BOOST_CHECK_THROW(Adam({p}, {.beta1 = 1}), ConfigError);
  BOOST_CHECK_THROW(Adam({p}, {.beta2 = -0.1}), ConfigError);
  BOOST_CHECK_THROW(Adam({p}, {.epsilon = 0}), ConfigError);
  BOOST_CHECK_THROW(SGD({p, p}), ConfigError);
  BOOST_CHECK_THROW(SGD(std::vector<Variable>{Tensor({1})}), ConfigError);
  BOOST_CHECK_THROW(SGD({p}).set_learning_rate(-1), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
