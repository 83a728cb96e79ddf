// nn::FFF where training follows one path a sample, against the dense layer.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/routing_losses.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using test::decide;
using test::normal;

BOOST_AUTO_TEST_SUITE(fff_paths)

namespace {

struct Model : nn::FFF {
  Model(const nn::FFFOptions& options, Routing routing) : FFF((manual_seed(21), options)) {
    // Boundaries that are not all but flat.
    for (float& w : node_weights().mutable_value().mutable_elements()) w *= 4.f;
    set_routing(routing);
  }
};

struct Step {
  Tensor y;
  float loss = 0;
  std::vector<Tensor> gradients;   // of x and the parameters
  std::vector<std::int64_t> rows;  // of those that are row-sparse, else -1
};

using Loss = std::function<Variable(const nn::RoutingTrace& trace, const Variable& y)>;

Variable weighted_sum(const Variable& y) { return sum(y * normal(y.shape(), "direction")); }

Step step(nn::FFF& model, const Tensor& input, const Loss& loss_of) {
  manual_seed(22);
  model.zero_grad();
  const Variable x = Variable::parameter(input.clone(), "x");
  Step result;
  Tape tape;
  const nn::RoutingTrace trace;
  const Variable y = model(x);
  const Variable loss = loss_of(trace, y);
  result.y = y.value();
  result.loss = loss.value().item();
  tape.backward(loss);
  std::vector<Variable> all = model.parameters();
  all.insert(all.begin(), x);
  for (const Variable& p : all) {
    result.rows.push_back(p.has_row_grad() ? p.row_grad().rows.size() : -1);
    result.gradients.push_back(p.has_grad() ? p.grad().clone() : Tensor::zeros(p.shape()));
  }
  return result;
}

void check_same(const Tensor& found, const Tensor& expected, const std::string& what) {
  BOOST_TEST_REQUIRE((found.shape() == expected.shape()));
  float largest = 1e-6f, worst = 0;
  for (const float v : expected.elements()) largest = std::max(largest, std::abs(v));
  for (std::int64_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, std::abs(found.data()[i] - expected.data()[i]) / largest);
  }
  BOOST_TEST(worst < 2e-5f, what << ": " << worst << " of the largest, " << largest);
}

void check_same(const Step& found, const Step& expected, const std::string& what) {
  check_same(found.y, expected.y, what + ", y");
  BOOST_TEST(std::abs(found.loss - expected.loss) < 1e-4f * (1 + std::abs(expected.loss)), what);
  for (std::size_t i = 0; i < found.gradients.size(); ++i) {
    check_same(found.gradients[i], expected.gradients[i], what + ", gradient " + std::to_string(i));
  }
}

}  // namespace

// All gradients: leaves, nodes, inputs, master leaf; the losses are those whose dense form sees the path's nodes alone.
BOOST_AUTO_TEST_CASE(sparse_straight_through_is_the_dense_one) {
  for (const int depth : {0, 1, 2, 5}) {
    for (const std::int64_t batch : {1, 5, 90}) {
      for (const std::int64_t master : {0, 3}) {
        const nn::FFFOptions options{
            .inputs = 13, .outputs = 6, .depth = depth, .leaf_width = 3, .master_leaf_width = master};
        nn::FFFOptions with_all = options;
        with_all.loss_nodes = nn::LossNodes::all;
        Model dense(options, Routing::straight_through);
        Model sparse(options, Routing::sparse_straight_through);
        Model sparse_all(with_all, Routing::sparse_straight_through);
        const Tensor x = normal({batch, 13}, "x");
        const auto loss = [](const nn::RoutingTrace& trace, const Variable& y) {
          return weighted_sum(y) + 0.7f * nn::hardening_loss(trace, {.weighting = nn::EntropyWeighting::path}) +
                 0.9f * nn::load_balance_loss(trace);
        };
        const Step expected = step(dense, x, loss);
        check_same(step(sparse, x, loss), expected, "sparse");
        check_same(step(sparse_all, x, loss), expected, "sparse, all nodes");
        const auto losses_of_all_nodes = [](const nn::RoutingTrace& trace, const Variable& y) {
          return weighted_sum(y) + nn::hardening_loss(trace) +
                 nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
        };
        check_same(step(sparse_all, x, losses_of_all_nodes), step(dense, x, losses_of_all_nodes),
                   "losses of all nodes");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(hard_training_is_straight_through_without_gradients_of_decisions) {
  const nn::FFFOptions options{.inputs = 13, .outputs = 6, .depth = 4, .leaf_width = 3};
  Model dense(options, Routing::straight_through);
  Model hard(options, Routing::hard);
  const Tensor x = normal({50, 13}, "x");
  const auto loss = [](const nn::RoutingTrace&, const Variable& y) { return weighted_sum(y); };
  const Step found = step(hard, x, loss), expected = step(dense, x, loss);
  check_same(found.y, expected.y, "y");
  for (std::size_t i = 3; i < found.gradients.size(); ++i) {  // the leaves'
    check_same(found.gradients[i], expected.gradients[i], "leaves");
  }
  BOOST_TEST(!hard.node_weights().has_grad());

  // Evaluation on a tape computes the same.
  hard.eval();
  const Step evaluated = step(hard, x, loss);
  check_same(evaluated, found, "evaluated");
}

BOOST_AUTO_TEST_CASE(losses_on_the_path_leave_out_the_terms_of_other_nodes) {
  const int depth = 4;
  const std::int64_t batch = 50, nodes = 15, leaves = 16;
  const nn::FFFOptions options{.inputs = 13, .outputs = 6, .depth = depth, .leaf_width = 3};
  Model model(options, Routing::hard);
  const Tensor x = normal({batch, 13}, "x");
  const Tensor z = model.node_logits(x).value();
  double entropies = 0, frequency = 0;
  std::vector<double> probability(batch, 1.0), load(leaves);
  std::vector<std::int64_t> leaf(batch);
  for (std::int64_t b = 0; b < batch; ++b) {
    std::int64_t node = 0;
    while (node < nodes) {
      const double p = 1 / (1 + std::exp(-static_cast<double>(z.data()[b * nodes + node])));
      entropies -= p * std::log(p) + (1 - p) * std::log(1 - p);
      probability[static_cast<std::size_t>(b)] *= std::max(p, 1 - p);
      node = 2 * node + (p >= 0.5 ? 2 : 1);
    }
    leaf[static_cast<std::size_t>(b)] = node - nodes;
    load[static_cast<std::size_t>(node - nodes)] += 1;
  }
  double load_entropy = 0;
  for (const double m : load) load_entropy += m > 0 ? m / batch * std::log(m / batch) : 0;
  for (std::size_t b = 0; b < batch; ++b) {
    frequency += leaves / static_cast<double>(batch * batch) * load[static_cast<std::size_t>(leaf[b])] * probability[b];
  }
  const nn::RoutingTrace trace;
  model(x);
  const auto value = [](const Variable& loss) { return loss.value().item(); };
  const auto close = [](double a, double b) { return std::abs(a - b) < 1e-4 * (1 + std::abs(b)); };
  BOOST_TEST(close(value(nn::hardening_loss(trace)), entropies / (batch * nodes)));
  BOOST_TEST(close(value(nn::hardening_loss(trace, {nn::EntropyWeighting::sum})), entropies));
  BOOST_TEST(close(value(nn::hardening_loss(trace, {nn::EntropyWeighting::node_sum})), entropies / batch));
  BOOST_TEST(close(value(nn::hardening_loss(trace, {nn::EntropyWeighting::path})), entropies / batch));
  BOOST_TEST(close(value(nn::load_balance_loss(trace)), load_entropy));
  BOOST_TEST(close(value(nn::load_balance_loss(trace, {nn::BalanceForm::frequency})), frequency));
}

BOOST_AUTO_TEST_CASE(losses_of_all_nodes_are_the_dense_ones) {
  nn::FFFOptions options{.inputs = 13, .outputs = 6, .depth = 4, .leaf_width = 3, .loss_nodes = nn::LossNodes::all};
  Model model(options, Routing::hard), dense(options, Routing::straight_through);
  const Tensor x = normal({50, 13}, "x");
  for (const auto weighting : {nn::EntropyWeighting::mean, nn::EntropyWeighting::sum, nn::EntropyWeighting::node_sum,
                               nn::EntropyWeighting::path}) {
    const auto loss = [&](const nn::RoutingTrace& trace, const Variable& y) {
      return 0.f * sum(y) + nn::hardening_loss(trace, {weighting}) +
             nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
    };
    check_same(step(model, x, loss), step(dense, x, loss), nn::to_string(weighting));
  }
}

BOOST_AUTO_TEST_CASE(gradients_hold_what_samples_reached_alone) {
  Model model({.inputs = 13, .outputs = 6, .depth = 6, .leaf_width = 3}, Routing::sparse_straight_through);
  const Step found = step(model, normal({2, 13}, "x"), [](const nn::RoutingTrace& trace, const Variable& y) {
    return weighted_sum(y) + nn::hardening_loss(trace) + nn::load_balance_loss(trace, {nn::BalanceForm::frequency});
  });
  for (std::size_t i = 1; i < found.rows.size(); ++i) {
    BOOST_TEST(found.rows[i] > 0);
    BOOST_TEST(found.rows[i] <= (i < 3 ? 12 : 2));
  }
}

BOOST_AUTO_TEST_CASE(region_leak_exchanges_children_on_the_path) {
  const int depth = 5;
  Model model({.inputs = 13, .outputs = 6, .depth = depth, .leaf_width = 3, .region_leak = 0.3f}, Routing::hard);
  const Tensor x = normal({400, 13}, "x");
  const Tensor z = model.node_logits(x).value();
  const auto decisions = decide<nn::PathDecisions>(model, x);
  std::int64_t exchanged = 0;
  for (std::int64_t b = 0; b < 400; ++b) {
    std::int64_t node = 0;
    for (int level = 0; level < depth; ++level) {
      const float found = decisions.logits.value().data()[b * depth + level], own = z.data()[b * 31 + node];
      BOOST_TEST(std::abs(std::abs(found) - std::abs(own)) < 1e-4);
      exchanged += found * own < 0 ? 1 : 0;
      node = 2 * node + (found >= 0 ? 2 : 1);
    }
    BOOST_TEST(decisions.leaf.data()[b] == node - 31);
  }
  BOOST_TEST(std::abs(static_cast<double>(exchanged) / (400 * depth) - 0.3) < 0.04);
}

// A neuron that is kept counts double, and half of them are: the leaves' gradients know by which.
BOOST_AUTO_TEST_CASE(dropout_is_of_the_chosen_leaf_s_neurons) {
  Model model({.inputs = 5, .outputs = 1, .depth = 1, .leaf_width = 64, .dropout = 0.5f}, Routing::hard);
  const Step found =
      step(model, normal({1, 5}, "x"), [](const nn::RoutingTrace&, const Variable& y) { return sum(y); });
  Model whole({.inputs = 5, .outputs = 1, .depth = 1, .leaf_width = 64}, Routing::hard);
  const Step twin = step(whole, normal({1, 5}, "x"), [](const nn::RoutingTrace&, const Variable& y) { return sum(y); });
  const Tensor &dw2 = found.gradients[5], &expected = twin.gradients[5];
  std::int64_t kept = 0, active = 0;
  for (std::int64_t i = 0; i < dw2.size(); ++i) {
    if (expected.data()[i] == 0.f) continue;
    ++active;
    kept += dw2.data()[i] != 0.f ? 1 : 0;
    BOOST_TEST((dw2.data()[i] == 0.f || std::abs(dw2.data()[i] - 2 * expected.data()[i]) < 1e-5f));
  }
  BOOST_TEST(active > 15);
  BOOST_TEST(kept > active / 5);
  BOOST_TEST(kept < active * 4 / 5);
}

BOOST_AUTO_TEST_CASE(the_bits_do_not_depend_on_the_number_of_threads) {
  const Tensor x = normal({1500, 96}, "x");
  for (const Routing routing : {Routing::hard, Routing::sparse_straight_through}) {
    test::same_bits_on_any_threads([&] {
      Model model({.inputs = 96, .outputs = 80, .depth = 5, .leaf_width = 9}, routing);
      Step result = step(model, x, [](const nn::RoutingTrace& trace, const Variable& y) {
        return weighted_sum(y) + nn::hardening_loss(trace) + nn::load_balance_loss(trace, {nn::BalanceForm::frequency});
      });
      result.gradients.push_back(result.y);
      return result.gradients;
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()
