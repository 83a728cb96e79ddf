// The load balance loss, of trees of decisions and of trees of neurons.
#include <algorithm>
#include <cmath>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/tree_fff.hpp>

#include <boost/test/unit_test.hpp>

#include "support/loss_of.hpp"
#include "support/normal.hpp"
#include "support/routing.hpp"

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(load_balance_losses)

namespace {

bool close(double a, double b) { return std::abs(a - b) < 1e-5 * (1 + std::abs(b)); }

// Weights whose logits are about as large as those of a layer in use.
void spread(nn::TreeFFF& model, float factor) {
  for (nn::NamedVariable& entry : model.named_parameters()) {
    RandomStream(7, entry.name).fill_normal(entry.variable.mutable_value().mutable_elements(), 0.f, factor);
  }
}

// Rows that a small step of anything leaves on their paths.
Tensor decided_rows(const nn::TreeFFF& model, std::int64_t n) {
  Tensor chosen({n, model.inputs()});
  std::int64_t found = 0;
  const Tensor candidates = normal({100, model.inputs()});
  for (std::int64_t r = 0; r < 100 && found < n; ++r) {
    const auto row = candidates.elements().subspan(static_cast<std::size_t>(r * model.inputs()),
                                                   static_cast<std::size_t>(model.inputs()));
    const Tensor z = decide<nn::ForestDecisions>(model, Tensor({1, model.inputs()}, row)).logits().value();
    if (std::ranges::any_of(z.elements(), [](float logit) { return std::abs(logit) < 0.02f; })) continue;
    std::ranges::copy(row, chosen.mutable_data() + found++ * model.inputs());
  }
  BOOST_TEST_REQUIRE(found == n);
  return chosen;
}

// The load balance loss of trees of neurons, a number at a time.
double naive_frequency(const nn::TreeFFF& model, const Tensor& x) {
  const nn::StateDict state = model.state_dict();
  const int depth = model.options().depth, trees = model.options().trees;
  const std::int64_t rows = x.extent(0), inputs = x.extent(1), leaves = std::int64_t{1} << depth;
  double loss = 0;
  for (std::int64_t t = 0; t < trees; ++t) {
    std::vector<double> rows_of(static_cast<std::size_t>(leaves)), probability(static_cast<std::size_t>(leaves));
    for (std::int64_t r = 0; r < rows; ++r) {
      std::int64_t node = 0;
      double reached = 1;
      for (int level = 0; level < depth; ++level) {
        const std::int64_t k = t * model.nodes() + node;
        double z = model.options().bias ? state.at("linear_in.bias").data()[k] : 0;
        for (std::int64_t i = 0; i < inputs; ++i) {
          z += static_cast<double>(x.data()[r * inputs + i]) * state.at("linear_in.weight").data()[k * inputs + i];
        }
        reached *= 1 / (1 + std::exp(-std::abs(z)));
        node = 2 * node + (z > 0 ? 2 : 1);
      }
      const auto leaf = static_cast<std::size_t>(node - (leaves - 1));
      rows_of[leaf] += 1;
      probability[leaf] += reached;
    }
    for (std::size_t i = 0; i < rows_of.size(); ++i) {
      loss += static_cast<double>(leaves) / static_cast<double>(rows * rows) * rows_of[i] * probability[i];
    }
  }
  return loss / trees;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_balance_of_paper_3_has_its_gradient) {
  manual_seed(5);
  nn::FFF model({.inputs = 6, .outputs = 3, .depth = 3, .leaf_width = 1});
  const Tensor x = normal({9, 6});
  const auto frequency = [](const nn::RoutingTrace& trace) {
    return nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
  };
  for (const nn::Routing routing : {nn::Routing::soft, nn::Routing::straight_through}) {
    model.set_routing(routing);
    const GradcheckResult result = check_loss(model, x, frequency, {model.node_weights(), model.node_biases()});
    BOOST_TEST(result.passed, result.message);
  }
  // Even loads cost 1.
  nn::FFF even({.inputs = 1, .outputs = 1, .depth = 1, .leaf_width = 1});
  std::fill_n(even.node_weights().mutable_value().mutable_data(), 1, 1e3f);
  std::fill_n(even.node_biases().mutable_value().mutable_data(), 1, 0.f);
  const Variable loss = loss_of(even, Tensor({4, 1}, {-1, -2, 1, 2}), frequency);
  BOOST_TEST(loss.value().item() == 1.f, boost::test_tools::tolerance(1e-5f));
}

BOOST_AUTO_TEST_CASE(the_balance_of_trees_of_neurons_is_the_mean_of_the_trees) {
  for (const int depth : {1, 2, 3, 6}) {
    for (const int trees : {1, 3}) {
      for (const bool bias : {false, true}) {
        manual_seed(6);
        nn::TreeFFF model({.inputs = 7, .outputs = 2, .trees = trees, .depth = depth, .bias = bias});
        spread(model, 0.5f);
        const Tensor x = normal({60, 7});
        const auto value = [&](nn::BalanceForm form) {
          return loss_of(model, x, [=](const auto& trace) { return nn::load_balance_loss(trace, {form}); })
              .value()
              .item();
        };
        BOOST_TEST(close(value(nn::BalanceForm::frequency), naive_frequency(model, x)));

        const Indices bottom = model.infer(x).bottom;
        double entropy = 0;
        for (std::int64_t t = 0; t < trees; ++t) {
          for (std::int32_t leaf = 0; leaf < 1 << depth; ++leaf) {
            const double m = static_cast<double>(std::count(bottom.data() + t * 60, bottom.data() + t * 60 + 60, leaf));
            entropy += m > 0 ? m / 60 * std::log(m / 60) / trees : 0;
          }
        }
        BOOST_TEST(close(value(nn::BalanceForm::entropy), entropy));
      }
    }
  }
}

// Depths of either way to compute the layer.
BOOST_AUTO_TEST_CASE(the_balance_of_trees_of_neurons_has_its_gradient) {
  for (const int depth : {1, 2, 4}) {
    for (const bool bias : {false, true}) {
      manual_seed(7);
      nn::TreeFFF model({.inputs = 5, .outputs = 2, .trees = 3, .depth = depth, .bias = bias});
      spread(model, 0.6f);
      const Variable x = Variable::parameter(decided_rows(model, 6), "x");
      std::vector<Variable> inputs = {x};
      for (const nn::NamedVariable& entry : model.named_parameters()) {
        if (entry.name.starts_with("linear_in")) inputs.push_back(entry.variable);
      }
      const GradcheckResult result = check_loss(
          model, x,
          [&](const nn::RoutingTrace& trace) {
            return 10.f * nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
          },
          inputs);
      BOOST_TEST(result.passed, "depth " << depth << ": " << result.message);
      Tape tape;
      tape.backward(loss_of(model, x, [](const auto& trace) {
        return nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
      }));
      BOOST_TEST(inputs[1].has_row_grad());  // whatever the layer's output has
      for (const Variable& p : model.parameters()) {
        BOOST_TEST(p.has_grad() == (p.name() != "linear_out.weight"), p.name());
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
