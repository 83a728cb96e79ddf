#include <canopy/nn/routed/routing_losses.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/decision_path.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"
#include "support/loss_of.hpp"
#include "support/normal.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(routing_losses)

namespace {

struct Named {
  std::string name;
  Loss loss;
};

// Every loss there is.
std::vector<Named> losses() {
  std::vector<Named> all = {
      {"importance_loss", [](const nn::RoutingTrace& trace) { return nn::importance_loss(trace); }},
      {"load_loss", [](const nn::RoutingTrace& trace) { return nn::load_loss(trace); }}};
  for (const auto weighting : {nn::EntropyWeighting::mean, nn::EntropyWeighting::sum, nn::EntropyWeighting::node_sum,
                               nn::EntropyWeighting::path}) {
    all.push_back({"hardening_loss",
                   [=](const nn::RoutingTrace& trace) { return nn::hardening_loss(trace, {.weighting = weighting}); }});
  }
  for (const auto form : {nn::BalanceForm::entropy, nn::BalanceForm::frequency}) {
    all.push_back({"load_balance_loss",
                   [=](const nn::RoutingTrace& trace) { return nn::load_balance_loss(trace, {.form = form}); }});
  }
  return all;
}

bool close(double a, double b) { return std::abs(a - b) < 1e-5 * (1 + std::abs(b)); }

}  // namespace

BOOST_AUTO_TEST_CASE(gradients_of_the_losses_on_the_tree) {
  manual_seed(6);
  nn::FFF model({.inputs = 6, .outputs = 3, .depth = 3, .leaf_width = 1});
  const Tensor x = normal({9, 6});
  const std::vector<Variable> nodes = {model.node_weights(), model.node_biases()};
  using nn::EntropyWeighting;
  for (const auto weighting : {EntropyWeighting::mean, EntropyWeighting::sum, EntropyWeighting::node_sum}) {
    const auto loss = [=](const nn::RoutingTrace& trace) { return nn::hardening_loss(trace, {weighting}); };
    const GradcheckResult result = check_loss(model, x, loss, nodes);
    BOOST_TEST(result.passed, nn::to_string(weighting) + ": " + result.message);
  }
  const auto balance = [](const nn::RoutingTrace& trace) { return nn::load_balance_loss(trace); };
  const GradcheckResult result = check_loss(model, x, balance, nodes);
  BOOST_TEST(result.passed, result.message);
}

// The path form weighs each node's entropy by its reach, through which no gradient flows.
BOOST_AUTO_TEST_CASE(path_entropy_weighs_by_reach_without_gradient) {
  manual_seed(7);
  nn::FFF model({.inputs = 4, .outputs = 2, .depth = 2, .leaf_width = 1});
  const Tensor x = normal({8, 4});
  Tape tape;
  const nn::RoutingTrace trace;
  model(x);
  const auto& decisions = decided<nn::TreeDecisions>(trace, model);
  double expected = 0;
  for (std::int64_t i = 0; i < decisions.logits.size(); ++i) {
    const double p = 1 / (1 + std::exp(-decisions.logits.value().data()[i]));
    expected += decisions.reach.data()[i] * (-p * std::log(p) - (1 - p) * std::log(1 - p)) / 8;
  }
  const Variable loss = nn::hardening_loss(trace, {.weighting = nn::EntropyWeighting::path});
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

BOOST_AUTO_TEST_CASE(loads_are_the_rows_sent_where_noise_cannot_change_them) {
  manual_seed(3);
  const Tensor x = normal({40, 8});
  const nn::MoE all({.inputs = 8, .outputs = 3, .experts = 6, .expert_width = 4, .k = 6});
  const nn::MoE silent({.inputs = 8, .outputs = 3, .experts = 6, .expert_width = 4, .k = 2, .noise = false});
  const nn::MoE single({.inputs = 8, .outputs = 3, .experts = 1, .expert_width = 4});
  const auto load = [](const auto& trace) { return nn::load_loss(trace); };
  const auto importance = [](const auto& trace) { return nn::importance_loss(trace); };
  const Tensor load_of_all = nn::expert_load(decide<nn::GateDecisions>(all, x)).value();
  for (const float each : load_of_all.elements()) BOOST_TEST(each == 40);
  BOOST_TEST(loss_of(all, x, load).value().item() == 0);
  const auto decisions = decide<nn::GateDecisions>(silent, x);
  const Tensor loads = nn::expert_load(decisions).value();
  for (std::int32_t e = 0; e < 6; ++e) {
    BOOST_TEST(loads.data()[e] == std::ranges::count(decisions.chosen.elements(), e));
  }
  BOOST_TEST(loss_of(silent, x, load).value().item() > 0);
  BOOST_TEST(loss_of(single, x, load).value().item() == 0);
  BOOST_TEST(loss_of(single, x, importance).value().item() == 0);
}

BOOST_AUTO_TEST_CASE(losses_of_a_mixture_reach_all_its_parameters) {
  manual_seed(2);
  nn::MoE model({.inputs = 8, .outputs = 3, .experts = 6, .expert_width = 4, .k = 2});
  Tape tape;
  const nn::RoutingTrace trace;
  const Variable error = cross_entropy(model(normal({40, 8})), Indices({40}, 1));
  tape.backward(error + 0.1f * nn::importance_loss(trace) + 0.1f * nn::load_loss(trace));
  for (const Variable& p : model.parameters()) BOOST_TEST(p.has_grad(), p.name());
}

// A loss of a trace stands for a model: the sum of those of its layers, each of which knows what it has a part in.
BOOST_AUTO_TEST_CASE(losses_are_summed_over_the_layers_that_they_are_about) {
  manual_seed(8);
  nn::Sequential model;
  auto& soft = model.add<nn::FFF>(nn::FFFOptions{.inputs = 6, .outputs = 6, .depth = 2, .leaf_width = 2});
  auto& path = model.add<nn::FFF>(nn::FFFOptions{.inputs = 6, .outputs = 6, .depth = 3, .leaf_width = 2});
  auto& forest = model.add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 6, .outputs = 6, .trees = 2, .depth = 3});
  auto& moe = model.add<nn::MoE>(nn::MoEOptions{.inputs = 6, .outputs = 6, .experts = 4, .expert_width = 2, .k = 2});
  path.set_routing(Routing::hard);
  const nn::RoutingTrace trace;
  model(normal({30, 6}));
  const auto of = [&](const nn::RoutedLayer& layer, const auto& loss) { return loss(trace.at(layer)).value().item(); };
  const auto check_sum = [&](const char* name, const auto& loss, const std::vector<const nn::RoutedLayer*>& about) {
    float sum = 0;
    for (const nn::RoutedLayer* layer : std::vector<const nn::RoutedLayer*>{&soft, &path, &forest, &moe}) {
      const float value = of(*layer, loss);
      BOOST_TEST((value != 0) == (std::ranges::find(about, layer) != about.end()), name << ", " << layer->name());
      sum += value;
    }
    BOOST_TEST(loss(trace).value().item() == sum, boost::test_tools::tolerance(1e-5f));
  };
  check_sum("hardening", [](const auto& from) { return nn::hardening_loss(from); }, {&soft, &path});
  for (const auto form : {nn::BalanceForm::entropy, nn::BalanceForm::frequency}) {
    check_sum("balance", [=](const auto& from) { return nn::load_balance_loss(from, {form}); },
              {&soft, &path, &forest});
  }
  check_sum("importance", [](const auto& from) { return nn::importance_loss(from); }, {&moe});
  check_sum("load", [](const auto& from) { return nn::load_loss(from); }, {&moe});
}

BOOST_AUTO_TEST_CASE(entropies_of_the_batch_just_seen) {
  manual_seed(9);
  nn::FFF model({.inputs = 5, .outputs = 3, .depth = 3, .leaf_width = 2});
  const Tensor x = normal({9, 5});
  const Tensor z = model.node_logits(x).value();
  std::vector<double> expected(7);
  for (std::int64_t i = 0; i < z.size(); ++i) {
    const double p = 1 / (1 + std::exp(-static_cast<double>(z.data()[i])));
    expected[static_cast<std::size_t>(i % 7)] -= (p * std::log(p) + (1 - p) * std::log(1 - p)) / 9;
  }
  const auto check_entropies = [&](const nn::TreeDecisions& tree) {
    const Tensor found = nn::node_entropies(tree);
    BOOST_TEST_REQUIRE(found.shape() == (Shape{7}));
    for (std::size_t k = 0; k < 7; ++k) BOOST_TEST(close(found.data()[k], expected[k]));
  };
  for (const nn::Routing routing : {nn::Routing::soft, nn::Routing::straight_through}) {
    model.set_routing(routing);
    check_entropies(decide<nn::TreeDecisions>(model, x));
  }
  model.eval();
  check_entropies(decide<nn::TreeDecisions>(model, x, {.details = true}));
}

// Most likely the loss was computed before the forward: the operands of + are evaluated in any order.
BOOST_AUTO_TEST_CASE(a_loss_before_the_forward_says_what_to_do) {
  for (const auto& [name, loss] : losses()) {
    const nn::RoutingTrace trace;
    BOOST_CHECK_EXCEPTION(loss(trace), Error, speaks_of(name, "run the model forward first", "statement of its own"));
  }
}

BOOST_AUTO_TEST_CASE(a_loss_of_an_evaluation_without_details_is_no_zero) {
  nn::Sequential model;
  model.add<nn::FFF>(nn::FFFOptions{.inputs = 5, .outputs = 5, .depth = 2, .leaf_width = 1});
  model.add<nn::MoE>(nn::MoEOptions{.inputs = 5, .outputs = 5, .experts = 4, .expert_width = 2, .k = 2});
  model.eval();
  const Tensor x = normal({9, 5});
  for (const auto& [name, loss] : losses()) {
    const std::string_view of = name;  // trees or experts
    const char* layer = of == "importance_loss" || of == "load_loss" ? "\"1\"" : "\"0\"";
    BOOST_CHECK_EXCEPTION(loss_of(model, x, loss), Error, speaks_of(name, layer, "details"));
    const nn::RoutingTrace trace({.details = true});
    model(x);
    BOOST_TEST(std::isfinite(loss(trace).value().item()), name);
  }
}

// With details an evaluation is decided as training is: the same losses, with gradients on a tape.
BOOST_AUTO_TEST_CASE(losses_of_an_evaluation_are_those_of_training) {
  manual_seed(10);
  nn::FFF tree({.inputs = 5, .outputs = 5, .depth = 3, .leaf_width = 1, .loss_nodes = nn::LossNodes::all});
  nn::MoE moe({.inputs = 5, .outputs = 5, .experts = 4, .expert_width = 2, .k = 2, .noise = false});
  tree.set_routing(Routing::hard);
  const Tensor x = normal({30, 5});
  for (nn::RoutedLayer* layer : std::vector<nn::RoutedLayer*>{&tree, &moe}) {
    for (const auto& [name, loss] : losses()) {
      std::vector<float> values;
      std::vector<Tensor> gradients;
      for (const bool training : {true, false}) {
        training ? layer->train() : layer->eval();
        layer->zero_grad();
        Tape tape;
        const nn::RoutingTrace trace({.details = true});
        layer->forward(x);
        const Variable value = loss(trace);
        values.push_back(value.value().item());
        if (!value.requires_grad()) continue;
        tape.backward(value);
        for (const Variable& p : layer->parameters()) {
          if (p.has_grad()) gradients.push_back(p.grad().clone());
        }
      }
      BOOST_TEST(values[0] == values[1], name);
      const std::size_t half = gradients.size() / 2;
      BOOST_TEST(gradients.size() == 2 * half);
      for (std::size_t i = 0; i < half; ++i) BOOST_TEST(same_bits(gradients[i], gradients[half + i]), name);
    }
  }
}

// What was decided under NoRecord is a constant, also where a tape records when the loss is computed.
BOOST_AUTO_TEST_CASE(decisions_that_were_not_recorded_have_losses_without_gradient) {
  manual_seed(11);
  nn::Sequential model;
  auto& tree = model.add<nn::FFF>(nn::FFFOptions{.inputs = 6, .outputs = 6, .depth = 2, .leaf_width = 2});
  model.add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 6, .outputs = 6, .trees = 2, .depth = 3});
  model.add<nn::MoE>(nn::MoEOptions{.inputs = 6, .outputs = 6, .experts = 4, .expert_width = 2, .k = 2});
  for (const Routing routing : every_routing) {
    tree.set_routing(routing);
    for (const auto& [name, loss] : losses()) {
      Tape tape;
      std::optional<NoRecord> pause(std::in_place);
      const nn::RoutingTrace trace;
      model(normal({30, 6}));
      pause.reset();
      const Variable value = loss(trace);
      BOOST_TEST(std::isfinite(value.value().item()), name);
      BOOST_TEST(!value.requires_grad(), name);
      BOOST_TEST(tape.size() == 0, name);
    }
  }
}

// Losses read what the forward saw: another forward without recording changes nothing, with a trace of its own or not.
BOOST_AUTO_TEST_CASE(a_forward_in_between_takes_no_loss_s_place) {
  manual_seed(12);
  nn::FFF model({.inputs = 6, .outputs = 3, .depth = 3, .leaf_width = 2});
  const Tensor x = normal({20, 6}), other = normal({7, 6}, "other");
  enum class Between { nothing, forward, traced_forward };
  const auto loss_and_gradient = [&](Between between) {
    model.zero_grad();
    Tape tape;
    const nn::RoutingTrace trace;
    model(x);
    if (between != Between::nothing) {
      const NoRecord pause;
      std::optional<nn::RoutingTrace> inner;
      if (between == Between::traced_forward) inner.emplace();
      model(other);
    }
    const Variable loss = nn::hardening_loss(trace) + nn::load_balance_loss(trace);
    tape.backward(loss);
    return std::pair(loss.value(), model.node_weights().grad().clone());
  };
  const auto [loss, gradient] = loss_and_gradient(Between::nothing);
  for (const Between between : {Between::forward, Between::traced_forward}) {
    const auto [value, found] = loss_and_gradient(between);
    BOOST_TEST(same_bits(value, loss));
    BOOST_TEST(same_bits(found, gradient));
  }
}

// A plain feedforward layer is not worse for being a tree of one leaf.
BOOST_AUTO_TEST_CASE(a_single_branch_has_no_losses) {
  nn::Sequential model;
  auto& tree = model.add<nn::FFF>(nn::FFFOptions{.inputs = 6, .outputs = 6, .depth = 0, .leaf_width = 2});
  model.add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 6, .outputs = 6, .trees = 2, .depth = 0});
  model.add<nn::MoE>(nn::MoEOptions{.inputs = 6, .outputs = 6, .experts = 1, .expert_width = 2});
  for (const Routing routing : every_routing) {
    tree.set_routing(routing);
    for (const auto& [name, loss] : losses()) {
      Tape tape;
      const Variable value = loss_of(model, normal({30, 6}), loss);
      BOOST_TEST(value.value().item() == 0.f, name);
      BOOST_TEST(!value.requires_grad(), name);
    }
  }
}

BOOST_AUTO_TEST_CASE(losses_of_no_rows_are_numbers) {
  manual_seed(13);
  nn::FFF tree({.inputs = 6, .outputs = 3, .depth = 3, .leaf_width = 2});
  const nn::TreeFFF forest({.inputs = 6, .outputs = 3, .trees = 2, .depth = 3});
  const nn::MoE moe({.inputs = 6, .outputs = 3, .experts = 4, .expert_width = 2, .k = 2});
  const Tensor none(Shape{0, 6});
  const auto check_all = [&](const nn::Layer& layer) {
    for (const auto& [name, loss] : losses()) {
      BOOST_TEST(std::isfinite(loss_of(layer, none, loss).value().item()), name);
    }
  };
  for (const Routing routing : every_routing) {
    tree.set_routing(routing);
    check_all(tree);
  }
  check_all(forest);
  check_all(moe);
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  manual_seed(14);
  nn::TreeFFF forest({.inputs = 40, .outputs = 8, .trees = 3, .depth = 5});
  const Tensor input = normal({900, 40});
  same_bits_on_any_threads([&] {
    const Variable x = Variable::parameter(input, "x");
    forest.zero_grad();
    Tape tape;
    const nn::RoutingTrace trace;
    forest(x);
    const Variable loss = nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
    tape.backward(loss);
    std::vector<Tensor> all = {loss.value(), x.grad()};
    for (const Variable& p : forest.parameters()) {
      if (p.has_grad()) all.push_back(p.grad());
    }
    return all;
  });
}

BOOST_AUTO_TEST_CASE(weightings_have_names) {
  BOOST_TEST(nn::to_string(nn::EntropyWeighting::mean) == "mean");
  BOOST_TEST(nn::to_string(nn::EntropyWeighting::sum) == "sum");
  BOOST_TEST(nn::to_string(nn::EntropyWeighting::node_sum) == "node-sum");
  BOOST_TEST(nn::to_string(nn::EntropyWeighting::path) == "path");
}

BOOST_AUTO_TEST_SUITE_END()
