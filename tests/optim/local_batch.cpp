// Localised optimisation: rows that step by their own usage, against a parameter and an optimizer of their own for
// each.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/routing_usage.hpp>
#include <canopy/optim/adam.hpp>
#include <canopy/optim/sgd.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(local_batch)

namespace {

constexpr std::int64_t rows = 6, width = 5;
constexpr double size = 8;

Tensor normal(const Shape& shape, const std::string& purpose) {
  Tensor x(shape);
  RandomStream(3, purpose).fill_normal(x.mutable_elements(), 0.f, 1.f);
  return x;
}

using Make = std::function<std::unique_ptr<optim::Optimizer>(const optim::ParameterGroup&)>;

struct Case {
  std::string name;
  Make make;
};

template <class Optimizer, class Options>
Case make_case(std::string name, Options options) {
  return {std::move(name), [options](const optim::ParameterGroup& group) {
            return std::make_unique<Optimizer>(std::vector{group}, options);
          }};
}

std::vector<Case> cases() {
  return {
      make_case<optim::SGD>("sgd", optim::SGDOptions{.learning_rate = 0.1}),
      make_case<optim::SGD>("momentum", optim::SGDOptions{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.1}),
      make_case<optim::SGD>("nesterov", optim::SGDOptions{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}),
      make_case<optim::Adam>("adam", optim::AdamOptions{.learning_rate = 0.1, .weight_decay = 0.1}),
      make_case<optim::AdamW>("adamw", optim::AdamWOptions{.learning_rate = 0.1})};
}

// Samples that use each row in a step: none of the last one, more of the first ones.
Tensor usage_of_step(int step) {
  Tensor usage = Tensor::zeros({rows});
  for (std::int64_t row = 0; row + 1 < rows; ++row) {
    usage.mutable_data()[row] = static_cast<float>((step * 7 + row * 5) % (9 - row));
  }
  return usage;
}

bool same_bits(const float* a, const float* b, std::int64_t n) { return std::equal(a, a + n, b); }

// Training of one parameter; gradients are row-sparse in every other step, or always dense.
struct Local {
  Variable p = Variable::parameter(normal({rows, width}, "p"), "p");
  Tensor usage = Tensor::zeros({rows});
  std::unique_ptr<optim::Optimizer> optimizer;

  explicit Local(const Case& each) : optimizer(each.make({.parameters = {p}, .local_batch = {{usage, size}}})) {}

  void step(int number, bool row_sparse) {
    const Tensor counts = usage_of_step(number), grad = normal({rows, width}, "gradient " + std::to_string(number));
    for (std::int64_t row = 0; row < rows; ++row) usage.mutable_data()[row] += counts.data()[row];
    if (row_sparse && number % 2 == 0) {
      p.accumulate(RowGradient{Indices({2}, {1, 4}), Tensor({2, width}, grad.elements().first(2 * width))});
    } else {
      p.accumulate(grad);
    }
    optimizer->step();
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_row_steps_once_enough_samples_have_used_it) {
  for (const Case& each : cases()) {
    for (const bool row_sparse : {false, true}) {
      Local local(each);
      std::vector<Variable> twins;
      std::vector<std::unique_ptr<optim::Optimizer>> optimizers;
      std::vector<double> waiting(rows);
      std::vector<int> steps(rows);
      for (std::int64_t row = 0; row < rows; ++row) {
        twins.push_back(Variable::parameter(
            Tensor({1, width}, local.p.value().elements().subspan(static_cast<std::size_t>(row * width), width)),
            "twin"));
        optimizers.push_back(each.make({.parameters = {twins.back()}}));
      }
      for (int step = 0; step < 40; ++step) {
        const Tensor counts = usage_of_step(step), grad = normal({rows, width}, "gradient " + std::to_string(step));
        for (std::size_t row = 0; row < rows; ++row) {
          const auto at = static_cast<std::int64_t>(row);
          if (row_sparse && step % 2 == 0) {
            if (at == 1 || at == 4) {
              twins[row].accumulate(Tensor({1, width}, grad.elements().subspan(at == 1 ? 0 : width, width)));
            }
          } else {
            twins[row].accumulate(Tensor({1, width}, grad.elements().subspan(row * width, width)));
          }
          waiting[row] += static_cast<double>(counts.data()[at]);
          if (waiting[row] < size) continue;
          if (!twins[row].has_grad()) twins[row].accumulate(Tensor::zeros({1, width}));
          optimizers[row]->step();
          optimizers[row]->zero_grad();
          waiting[row] = 0;
          ++steps[row];
        }
        local.step(step, row_sparse);
        for (std::size_t row = 0; row < rows; ++row) {
          BOOST_TEST(same_bits(local.p.value().data() + row * width, twins[row].value().data(), width),
                     each.name << ", step " << step << ", row " << row);
        }
      }
      BOOST_TEST(steps[0] > steps[4]);
      BOOST_TEST(steps[4] > 1);
      BOOST_TEST(steps[5] == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(training_resumes_with_what_rows_wait_for) {
  for (const Case& each : cases()) {
    Local whole(each), first(each), second(each);
    for (int step = 0; step < 21; ++step) whole.step(step, true);
    for (int step = 0; step < 10; ++step) first.step(step, true);
    std::copy_n(first.p.value().data(), rows * width, second.p.mutable_value().mutable_data());
    second.optimizer->load_state(first.optimizer->state());
    for (int step = 10; step < 21; ++step) second.step(step, true);
    BOOST_TEST(same_bits(second.p.value().data(), whole.p.value().data(), rows * width), each.name);

    auto state = first.optimizer->state();
    state.tensors.erase("p.local_usage");
    BOOST_CHECK_THROW(second.optimizer->load_state(state), CheckpointError);
    state = first.optimizer->state();
    state.tensors["p.local_grad"] = Tensor({rows});
    BOOST_CHECK_THROW(second.optimizer->load_state(state), CheckpointError);
    state = first.optimizer->state();
    state.counts.at("p.local_step").mutable_data()[1] = -1;
    BOOST_CHECK_THROW(second.optimizer->load_state(state), CheckpointError);
    BOOST_CHECK_THROW(each.make({.parameters = {second.p}})->load_state(first.optimizer->state()), CheckpointError);
  }
}

// A float stays at 16,777,216.
BOOST_AUTO_TEST_CASE(steps_of_rows_are_counted_exactly) {
  Local local(cases()[0]);
  local.step(0, false);
  optim::State state = local.optimizer->state();
  const Tensor steps_before({rows}, {16'777'216.f, 0.f, 0.f, 0.f, 0.f, 0.f});
  state.counts.erase("p.local_step");
  state.tensors["p.local_step"] = steps_before;  // as earlier versions stored them
  local.optimizer->load_state(state);
  for (int times = 1; times <= 3; ++times) {
    local.usage.mutable_data()[0] = size;
    local.optimizer->step();
    BOOST_TEST(local.optimizer->state().counts.at("p.local_step").data()[0] == 16'777'216 + times);
  }
}

BOOST_AUTO_TEST_CASE(a_step_takes_gradients_and_counts) {
  Local local(cases()[0]);
  local.usage.mutable_data()[2] = 3.f;
  local.p.accumulate(Tensor({rows, width}, 1.f));
  local.optimizer->step();
  local.optimizer->zero_grad();
  BOOST_TEST(!local.p.has_grad());
  BOOST_TEST(local.usage.data()[2] == 0.f);
  const float before = local.p.value().data()[2 * width];
  local.usage.mutable_data()[2] = 5.f;
  local.optimizer->step();  // without a gradient of its own
  BOOST_TEST(std::abs(local.p.value().data()[2 * width] - (before - 0.1f)) < 1e-6f);
}

// A tree whose samples all go one way: leaves and nodes that are not used stay as they are.
BOOST_AUTO_TEST_CASE(leaves_of_a_tree_step_by_their_own_usage) {
  for (const nn::Usage usage : {nn::Usage::hard, nn::Usage::soft}) {
    manual_seed(4);
    nn::FFF model({.inputs = 4, .outputs = 2, .depth = 2, .leaf_width = 3});
    if (usage == nn::Usage::hard) model.set_routing(Routing::hard);
    nn::RoutingUsage counts(model, usage);
    const Tensor& samples_of_leaf = counts.layers().at(0).branches;
    optim::Adam optimizer(std::vector<optim::ParameterGroup>{
        {.parameters = model.routed_parameters().branches, .local_batch = {{samples_of_leaf, 14}}}});
    const nn::StateDict initial = model.state_dict();
    const Tensor x = normal({16, 4}, "x"), target = normal({16, 2}, "target");
    std::vector<double> used(4);
    for (int step = 0; step < 3; ++step) {
      Tape tape;
      const nn::RoutingTrace trace;
      const Variable y = model(x);
      counts.add(trace);
      tape.backward(mean((y - target) * (y - target)));
      for (std::int64_t leaf = 0; leaf < 4; ++leaf) {
        used[static_cast<std::size_t>(leaf)] += static_cast<double>(samples_of_leaf.data()[leaf]);
      }
      optimizer.step();
    }
    const nn::StateDict now = model.state_dict();
    double samples = 0;
    int leaves_moved = 0;
    for (std::int64_t leaf = 0; leaf < 4; ++leaf) {
      samples += used[static_cast<std::size_t>(leaf)];
      const bool moved = now.at("b2s").data()[leaf * 2] != initial.at("b2s").data()[leaf * 2];
      BOOST_TEST(moved == (used[static_cast<std::size_t>(leaf)] >= 14));
      leaves_moved += moved ? 1 : 0;
    }
    BOOST_TEST(std::abs(samples - 48) < 1e-3);
    BOOST_TEST(leaves_moved > 0);
    BOOST_TEST(leaves_moved < 4);
  }
}

BOOST_AUTO_TEST_CASE(groups_must_fit_their_usage) {
  const Variable p = Variable::parameter(Tensor({rows, width}, 0.f), "p");
  const auto make = [&](const Tensor& usage, double batch) {
    return optim::SGD(std::vector<optim::ParameterGroup>{{.parameters = {p}, .local_batch = {{usage, batch}}}});
  };
  BOOST_CHECK_THROW(make(Tensor({rows - 1}), 4), ShapeError);
  BOOST_CHECK_THROW(make(Tensor({rows, 1}), 4), ShapeError);
  for (const double wrong : {0., -1., std::numeric_limits<double>::quiet_NaN()}) {
    BOOST_CHECK_THROW(make(Tensor({rows}), wrong), ConfigError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
