#include <canopy/nn/fff_losses.hpp>

#include <cmath>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/nn/fff.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"

using namespace canopy;
using test::normal;

BOOST_AUTO_TEST_SUITE(fff_losses)

BOOST_AUTO_TEST_CASE(gradients_of_the_losses_on_the_tree) {
  manual_seed(6);
  nn::FFF model({.inputs = 6, .outputs = 3, .depth = 3, .leaf_width = 1});
  const Tensor x = normal({9, 6});
  const std::vector<Variable> nodes = {model.node_weights(), model.node_biases()};
  using nn::Entropy;
  for (const Entropy weighting : {Entropy::mean, Entropy::sum, Entropy::node_sum}) {
    const auto f = [&] {
      model(x);
      return Variable(nn::hardening_loss(model, {.weighting = weighting}));
    };
    // Outside a tape the layer remembers its last decisions too, so that the differences see the changed parameters.
    const GradcheckResult result = gradcheck(f, nodes);
    BOOST_TEST(result.passed, nn::to_string(weighting) + ": " + result.message);
  }
  const GradcheckResult balance = gradcheck(
      [&] {
        model(x);
        return Variable(nn::load_balance_loss(model));
      },
      nodes);
  BOOST_TEST(balance.passed, balance.message);
}

// Whichever operand of + the compiler evaluates first, the losses read the forward of the same statement.
BOOST_AUTO_TEST_CASE(losses_on_the_tree_may_stand_on_either_side) {
  manual_seed(18);
  nn::FFF model({.inputs = 6, .outputs = 3, .depth = 2, .leaf_width = 1});
  const Tensor x = normal({9, 6});
  const Indices labels({9}, 1);
  for (int side = 0; side < 2; ++side) {
    Tape tape;
    const Variable loss = side == 0 ? cross_entropy(model(x), labels) + 0.5f * nn::hardening_loss(model)
                                    : 0.5f * nn::hardening_loss(model) + cross_entropy(model(x), labels);
    const float expected =
        cross_entropy(model(x), labels).value().item() + 0.5f * Variable(nn::hardening_loss(model)).value().item();
    BOOST_TEST(std::abs(loss.value().item() - expected) < 1e-6f);
    tape.backward(loss);
    BOOST_TEST(model.node_weights().has_grad());
  }
  Tape tape;
  model(x);
  const Variable both = nn::hardening_loss(model) * 2.f + nn::load_balance_loss(model);
  BOOST_TEST(std::abs(both.value().item() - 2.f * Variable(nn::hardening_loss(model)).value().item() -
                      Variable(nn::load_balance_loss(model)).value().item()) < 1e-6f);
}

// The path form weighs each node's entropy by its reach, through which no gradient flows.
BOOST_AUTO_TEST_CASE(path_entropy_weighs_by_reach_without_gradient) {
  manual_seed(7);
  nn::FFF model({.inputs = 4, .outputs = 2, .depth = 2, .leaf_width = 1});
  const Tensor x = normal({8, 4});
  Tape tape;
  model(x);
  const nn::FFF::Decisions& decisions = model.decisions();
  double expected = 0;
  for (std::int64_t i = 0; i < decisions.logits.size(); ++i) {
    const double p = 1 / (1 + std::exp(-decisions.logits.value().data()[i]));
    expected += decisions.reach.data()[i] * (-p * std::log(p) - (1 - p) * std::log(1 - p)) / 8;
  }
  const Variable loss = nn::hardening_loss(model, {.weighting = nn::Entropy::path});
  BOOST_TEST(std::abs(loss.value().item() - expected) < 1e-5);
  const Tensor reach = decisions.reach;
  const Tensor logits = decisions.logits.value();
  tape.backward(loss);
  // d/db_k = sum over the batch of reach_k * -z p (1 - p) / batch
  for (std::int64_t k = 0; k < 3; ++k) {
    double slope = 0;
    for (std::int64_t b = 0; b < 8; ++b) {
      const double z = logits.data()[b * 3 + k];
      const double p = 1 / (1 + std::exp(-z));
      slope += reach.data()[b * 3 + k] * -z * p * (1 - p) / 8;
    }
    BOOST_TEST(std::abs(model.node_biases().grad().data()[k] - slope) < 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(entropies_of_the_batch_just_seen) {
  nn::FFF model({.inputs = 5, .outputs = 3, .depth = 3, .leaf_width = 2});
  BOOST_CHECK_THROW(nn::node_entropies(model), Error);
  const Tensor x = normal({9, 5});
  for (const nn::Routing routing : {nn::Routing::soft, nn::Routing::straight_through}) {
    model.set_routing(routing);
    Tape tape;
    model(Variable(x));
    const Tensor seen = nn::node_entropies(model);
    const Tensor expected = nn::node_entropies(model, x);
    BOOST_TEST(seen.elements() == expected.elements(), boost::test_tools::per_element());
  }
  model.set_routing(nn::Routing::hard);
  Tape tape;
  model(Variable(x));
  BOOST_CHECK_THROW(nn::node_entropies(model), Error);  // it saw the nodes on the paths alone
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  nn::FFF model({.inputs = 5, .outputs = 2, .depth = 2, .leaf_width = 1});
  BOOST_CHECK_THROW(Variable(nn::hardening_loss(model)), Error);
  BOOST_CHECK_THROW(nn::entropy_from_string("median"), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
