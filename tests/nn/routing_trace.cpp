#include <canopy/nn/routed/routing_trace.hpp>

#include <cmath>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/recompute.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/classifier_score.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"
#include "support/normal.hpp"
#include "support/routed_model.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(routing_trace)

namespace {

constexpr std::int64_t width = RoutedModel::width, rows = 40;

// [rows, 1]
Indices column(const Indices& x) { return x.reshape({x.size(), 1}); }

template <class D>
bool is(const nn::RoutingDecision& decision) {
  return std::holds_alternative<D>(decision.how);
}

}  // namespace

BOOST_AUTO_TEST_CASE(collects_every_layer_in_the_order_of_their_forwards) {
  const RoutedModel model;
  const Tensor x = normal({rows, width});
  nn::RoutingTrace trace;
  model(x);
  BOOST_TEST_REQUIRE(trace.decisions().size() == 3u);
  const std::vector<const nn::RoutedLayer*> layers = {&model.tree, &model.forest, &model.moe};
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(trace.decisions()[i].layer == layers[i]);
    BOOST_TEST(trace.decisions()[i].rows() == rows);
    BOOST_TEST(&trace.at(*layers[i]) == &trace.decisions()[i]);
    BOOST_TEST(&trace.at(layers[i]->name()) == &trace.decisions()[i]);
  }
  BOOST_TEST(is<nn::TreeDecisions>(trace.at("0")));
  BOOST_TEST(is<nn::ForestDecisions>(trace.at("1")));
  BOOST_TEST(is<nn::GateDecisions>(trace.at("2")));
  trace.clear();
  BOOST_TEST(trace.decisions().empty());
  model.tree(x);
  BOOST_TEST(trace.decisions().size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_did_not_decide_is_named) {
  const RoutedModel model;
  const nn::MoE alone({.inputs = width, .outputs = width, .experts = 2, .expert_width = 1});
  const nn::RoutingTrace trace;
  BOOST_CHECK_EXCEPTION(trace.at(model.forest), Error, speaks_of("\"1\""));
  BOOST_CHECK_EXCEPTION(trace.at("1"), Error, speaks_of("\"1\"", "none"));
  model.tree(normal({rows, width}));
  model.moe(normal({rows, width}));
  model.tree(normal({rows, width}));
  BOOST_CHECK_EXCEPTION(trace.at(model.forest), Error, speaks_of("\"1\""));
  BOOST_CHECK_EXCEPTION(trace.at("blocks.1"), Error, speaks_of("\"blocks.1\"", ": \"0\", \"2\""));
  BOOST_CHECK_THROW(trace.at(alone), Error);
}

BOOST_AUTO_TEST_CASE(a_layer_that_is_called_twice_decides_twice) {
  const RoutedModel model;
  const Tensor first = normal({rows, width}), second = normal({9, width}, "second");
  const nn::RoutingTrace trace;
  for (const Tensor& x : {first, second}) {
    model.tree(x);
    model.moe(x);
  }
  BOOST_TEST_REQUIRE(trace.decisions().size() == 4u);
  BOOST_TEST(trace.decisions()[0].rows() == rows);
  BOOST_TEST(trace.at(model.tree).rows() == 9);  // the last
  BOOST_TEST(trace.at("2").rows() == 9);
  const float both = nn::hardening_loss(trace).value().item();
  const float each =
      nn::hardening_loss(trace.decisions()[0]).value().item() + nn::hardening_loss(trace.decisions()[2]).value().item();
  BOOST_TEST(both == each, boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(inputs_are_kept_on_request) {
  RoutedModel model;
  const Tensor x = normal({2, rows / 2, width});
  for (const bool training : {true, false}) {
    training ? model.train() : model.eval();
    nn::RoutingTrace silent;
    const Tensor plain = model(x).value();
    for (const nn::RoutingDecision& decision : silent.decisions()) BOOST_TEST(decision.inputs.size() == 0);
    const nn::RoutingTrace trace({.inputs = true});
    const Tensor y = model(x).value();
    BOOST_TEST(same_bits(y, plain));
    BOOST_TEST_REQUIRE(trace.decisions().size() == 3u);
    Tensor expected = x.reshape({rows, width});
    for (const nn::RoutingDecision& decision : trace.decisions()) {
      BOOST_TEST(same_bits(decision.inputs, expected), decision.layer->name());
      const nn::RoutingTrace rerun;
      expected = decision.layer->forward(expected).value();
    }
  }
}

// chosen() of every kind of decision, against inference and single rows.
BOOST_AUTO_TEST_CASE(chosen_is_where_inference_sends_the_rows) {
  RoutedModel model;
  const Tensor x = normal({rows, width});
  const auto chosen = [&](const nn::RoutedLayer& layer, const nn::RoutingTraceOptions& options = {}) {
    const nn::RoutingTrace trace(options);
    layer.forward(x);
    return trace.at(layer).chosen();
  };
  const Indices leaf = column(model.tree.infer(x).leaf);
  for (const Routing routing : every_routing) {
    model.tree.set_routing(routing);
    BOOST_TEST(same_bits(chosen(model.tree), leaf));
  }
  // From tree to tree numbered on.
  const Indices bottom = model.forest.infer(x).bottom, ends = chosen(model.forest);
  BOOST_TEST_REQUIRE(ends.shape() == (Shape{rows, 3}));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t t = 0; t < 3; ++t) BOOST_TEST(ends.data()[r * 3 + t] == 4 * t + bottom.data()[t * rows + r]);
  }
  // The one with the largest gate first.
  const Indices experts = model.moe.infer(x).experts;
  BOOST_TEST(same_bits(chosen(model.moe), experts));
  const Tensor gates = decide<nn::GateDecisions>(model.moe, x).gates.value();
  for (std::int64_t r = 0; r < rows; ++r) BOOST_TEST(gates.data()[2 * r] >= gates.data()[2 * r + 1]);

  model.eval();
  for (const bool details : {false, true}) {
    BOOST_TEST(same_bits(chosen(model.tree, {.details = details}), leaf));
    BOOST_TEST(same_bits(chosen(model.forest, {.details = details}), ends));
    BOOST_TEST(same_bits(chosen(model.moe, {.details = details}), experts));
  }
}

BOOST_AUTO_TEST_CASE(trees_without_nodes_have_one_branch) {
  nn::FFF tree({.inputs = width, .outputs = 2, .depth = 0, .leaf_width = 2});
  const nn::TreeFFF forest({.inputs = width, .outputs = 2, .trees = 2, .depth = 0});
  const Tensor x = normal({rows, width});
  for (const Routing routing : every_routing) {
    tree.set_routing(routing);
    const nn::RoutingTrace trace;
    tree(x);
    const Indices leaves = trace.at(tree).chosen();
    for (const std::int32_t leaf : leaves.elements()) BOOST_TEST(leaf == 0);
  }
  const nn::RoutingTrace trace;
  forest(x);
  const Indices ends = trace.at(forest).chosen();
  for (std::int64_t i = 0; i < ends.size(); ++i) BOOST_TEST(ends.data()[i] == i % 2);
}

// In evaluation, too: what each row met at every node.
BOOST_AUTO_TEST_CASE(details_say_how_an_evaluation_decided) {
  RoutedModel model;
  model.eval();
  const Tensor x = normal({rows, width});
  {
    const nn::RoutingTrace trace;
    model(x);
    BOOST_TEST(is<nn::ChosenBranches>(trace.at(model.tree)));
    BOOST_TEST(is<nn::ForestDecisions>(trace.at(model.forest)));
    BOOST_TEST(is<nn::ChosenBranches>(trace.at(model.moe)));
  }
  const auto tree = decide<nn::TreeDecisions>(model.tree, x, {.details = true});
  BOOST_TEST_REQUIRE(tree.leaf.has_value());
  BOOST_TEST(same_bits(*tree.leaf, model.tree.infer(x).leaf));
  BOOST_TEST(same_bits(tree.logits.value(), model.tree.node_logits(x).value()));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t leaf = 0; leaf < 8; ++leaf) {
      BOOST_TEST(tree.path.value().data()[8 * r + leaf] == (tree.leaf->data()[r] == leaf ? 1.f : 0.f));
    }
    BOOST_TEST(tree.reach.data()[7 * r] == 1.f);
  }
  const auto gates = decide<nn::GateDecisions>(model.moe, x, {.details = true});
  BOOST_TEST(!gates.deviation.is_defined());
  BOOST_TEST(same_bits(gates.chosen, model.moe.infer(x).experts));
  BOOST_TEST(gates.clean.shape() == (Shape{rows, 5}));
  for (std::int64_t i = 0; i < 2 * rows; ++i) {
    BOOST_TEST(gates.largest.value().data()[i] == gates.clean.value().data()[i / 2 * 5 + gates.chosen.data()[i]]);
  }
  const auto forest = decide<nn::ForestDecisions>(model.forest, x);
  const Tensor logits = forest.logits().value();
  BOOST_TEST_REQUIRE(logits.shape() == (Shape{3 * rows, 2}));
  for (std::int64_t i = 0; i < 3 * rows; ++i) {
    const bool right = forest.bottom.data()[i] >= 2;  // of the root
    BOOST_TEST((logits.data()[2 * i] > 0) == right);
  }
}

BOOST_AUTO_TEST_CASE(soft_inference_is_the_mixture_and_its_loads_are_hard) {
  RoutedModel model;
  model.eval();
  const Tensor x = normal({rows, width});
  const Tensor soft = model.tree.forward_soft(x).value(), hard = model.tree(x).value();
  const Indices leaf = column(model.tree.infer(x).leaf);
  BOOST_TEST(!same_bits(soft, hard));
  for (const bool recording : {false, true}) {
    std::optional<Tape> tape;
    if (recording) tape.emplace();
    for (const bool traced : {false, true}) {
      std::optional<nn::RoutingTrace> trace;
      if (traced) trace.emplace();
      const nn::SoftInference outer;
      { const nn::SoftInference inner; }
      BOOST_TEST(nn::SoftInference::is_on());
      BOOST_TEST(same_bits(model.tree(x).value(), soft));
      if (traced) BOOST_TEST(same_bits(trace->at(model.tree).chosen(), leaf));
    }
  }
  BOOST_TEST(!nn::SoftInference::is_on());
  BOOST_TEST(same_bits(model.tree(x).value(), hard));

  const nn::SoftInference on;
  const auto tree = decide<nn::TreeDecisions>(model.tree, x, {.details = true});
  BOOST_TEST(tree.path.value().data()[0] > 0.f);
  BOOST_TEST(tree.path.value().data()[0] < 1.f);
  BOOST_TEST(same_bits(column(*tree.leaf), leaf));
  std::thread([&] { BOOST_TEST(!nn::SoftInference::is_on()); }).join();
  // Training is as it was.
  model.train();
  model.tree.set_routing(Routing::hard);
  BOOST_TEST(is<nn::PathDecisions>([&] {
    const nn::RoutingTrace trace;
    model.tree(x);
    return trace.decisions().back();
  }()));
}

// A trace changes nothing of what is computed, in any way to compute it.
BOOST_AUTO_TEST_CASE(looking_changes_no_bit) {
  RoutedModel model;
  const Tensor x = normal({rows, width}), upstream = normal({rows, width}, "dy");
  const auto step = [&](bool record, const nn::RoutingTraceOptions* options) {
    std::optional<nn::RoutingTrace> trace;
    if (options != nullptr) trace.emplace(*options);
    if (!record) return std::vector<Tensor>{model(x).value()};
    model.zero_grad();
    Tape tape;
    const Variable y = model(x);
    tape.backward(sum(y * upstream));
    std::vector<Tensor> all = {y.value()};
    for (const Variable& p : model.parameters()) {
      if (p.has_grad()) all.push_back(p.grad().clone());
    }
    return all;
  };
  for (const bool training : {true, false}) {
    training ? model.train() : model.eval();
    for (const Routing routing : every_routing) {
      model.tree.set_routing(routing);
      for (const bool record : {false, true}) {
        const std::vector<Tensor> expected = step(record, nullptr);
        for (const bool details : {false, true}) {
          const nn::RoutingTraceOptions options{.details = details, .inputs = details};
          const std::vector<Tensor> found = step(record, &options);
          BOOST_TEST_REQUIRE(found.size() == expected.size());
          for (std::size_t i = 0; i < found.size(); ++i) BOOST_TEST(same_bits(found[i], expected[i]));
        }
      }
    }
  }
}

// Decisions are values: they say the same after their trace, and after the model has decided anew.
BOOST_AUTO_TEST_CASE(decisions_may_be_kept) {
  const RoutedModel model;
  const Tensor x = normal({rows, width});
  std::vector<nn::RoutingDecision> kept;
  {
    const nn::RoutingTrace trace({.inputs = true});
    model(x);
    kept = trace.decisions();
  }
  std::vector<Indices> before;
  for (const nn::RoutingDecision& decision : kept) before.push_back(decision.chosen());
  const nn::RoutingTrace other;
  model(normal({3, width}, "other"));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    BOOST_TEST(same_bits(kept[i].chosen(), before[i]));
    BOOST_TEST(kept[i].rows() == rows);
  }
  BOOST_TEST(std::isfinite(nn::load_balance_loss(kept[1], {.form = nn::BalanceForm::frequency}).value().item()));
  BOOST_TEST(other.decisions().size() == 3u);
}

BOOST_AUTO_TEST_CASE(no_rows_are_decided_as_well) {
  RoutedModel model;
  const Tensor none(Shape{0, width});
  for (const bool training : {true, false}) {
    training ? model.train() : model.eval();
    for (const bool details : {false, true}) {
      const nn::RoutingTrace trace({.details = details, .inputs = true});
      model(none);
      BOOST_TEST_REQUIRE(trace.decisions().size() == 3u);
      const std::vector<std::int64_t> choices = {1, 3, 2};
      for (std::size_t i = 0; i < 3; ++i) {
        BOOST_TEST(trace.decisions()[i].rows() == 0);
        BOOST_TEST(trace.decisions()[i].chosen().shape() == (Shape{0, choices[i]}));
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
