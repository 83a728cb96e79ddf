// Which forwards a trace collects: those of its thread, while it is the innermost, under no later pause, each once.
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/recompute.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/classifier_score.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"
#include "support/routed_model.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(routing_trace_scope)

namespace {

constexpr std::int64_t width = RoutedModel::width, rows = 40;

}  // namespace

BOOST_AUTO_TEST_CASE(the_innermost_trace_collects) {
  const RoutedModel model;
  const Tensor x = normal({rows, width});
  BOOST_TEST(nn::RoutingTrace::live() == nullptr);
  model(x);  // nobody asks
  nn::RoutingTrace outer;
  model.tree(x);
  {
    nn::RoutingTrace inner;
    BOOST_TEST(nn::RoutingTrace::live() == &inner);
    model.moe(x);
    BOOST_TEST(inner.decisions().size() == 1u);
  }
  BOOST_TEST(nn::RoutingTrace::live() == &outer);
  model.forest(x);
  BOOST_TEST_REQUIRE(outer.decisions().size() == 2u);
  BOOST_TEST(outer.decisions()[0].layer == &model.tree);
  BOOST_TEST(outer.decisions()[1].layer == &model.forest);
}

// An evaluation in the midst of a training step, of any mode and any layer, is no part of the step.
BOOST_AUTO_TEST_CASE(what_runs_under_a_later_pause_is_not_collected) {
  RoutedModel model;
  const Tensor x = normal({rows, width}), other = normal({9, width}, "other");
  const Indices labels({9}, 0);
  for (const bool recording : {false, true}) {
    std::optional<Tape> tape;
    if (recording) tape.emplace();
    for (const Routing routing : every_routing) {
      model.tree.set_routing(routing);
      nn::RoutingTrace trace;
      model(x);
      {
        const NoRecord pause;
        BOOST_TEST(nn::RoutingTrace::live() == nullptr);
        model(other);
        model.eval();
        model(other);
        ClassifierScorer scorer(model);
        scorer.add(other, labels);
        model.train();
        const nn::RoutingTrace inner;  // begun under this pause, it collects
        model(other);
        BOOST_TEST(inner.decisions().size() == 3u);
        {
          const NoRecord again;
          model(other);
          BOOST_TEST(nn::RoutingTrace::live() == nullptr);
        }
        BOOST_TEST(nn::RoutingTrace::live() == &inner);
        BOOST_TEST(inner.decisions().size() == 3u);
      }
      BOOST_TEST_REQUIRE(trace.decisions().size() == 3u);
      for (const nn::RoutingDecision& decision : trace.decisions()) BOOST_TEST(decision.rows() == rows);
      model(x);
      BOOST_TEST(trace.decisions().size() == 6u);
    }
  }
}

// Pauses of another thread, and those that ended, are none of this thread's.
BOOST_AUTO_TEST_CASE(pauses_before_a_trace_do_not_silence_it) {
  const RoutedModel model;
  const Tensor x = normal({rows, width});
  auto before = std::make_unique<NoRecord>();
  const nn::RoutingTrace trace;
  model(x);
  BOOST_TEST(trace.decisions().size() == 3u);
  before.reset();
  model(x);
  BOOST_TEST(trace.decisions().size() == 6u);
  std::unique_ptr<NoRecord> elsewhere;
  std::thread([&] { elsewhere = std::make_unique<NoRecord>(); }).join();
  model(x);
  BOOST_TEST(trace.decisions().size() == 9u);
}

// Those that live in containers, which end in another order than they began.
BOOST_AUTO_TEST_CASE(a_trace_that_ended_is_not_collected_to) {
  const RoutedModel model;
  const Tensor x = normal({rows, width});
  std::vector<std::unique_ptr<nn::RoutingTrace>> traces(4);
  for (auto& trace : traces) trace = std::make_unique<nn::RoutingTrace>();
  traces[1].reset();
  traces[0].reset();
  BOOST_TEST(nn::RoutingTrace::live() == traces[3].get());
  traces[3].reset();
  BOOST_TEST(nn::RoutingTrace::live() == traces[2].get());
  model.tree(x);
  BOOST_TEST(traces[2]->decisions().size() == 1u);
  traces[2].reset();
  BOOST_TEST(nn::RoutingTrace::live() == nullptr);
  model.tree(x);
}

BOOST_AUTO_TEST_CASE(each_thread_has_its_own) {
  const RoutedModel model;
  const Tensor x = normal({rows, width});
  const nn::RoutingTrace here;
  model.tree(x);
  std::vector<std::size_t> counts(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < counts.size(); ++t) {
    threads.emplace_back([&, t] {
      if (nn::RoutingTrace::live() != nullptr) return;
      const nn::RoutingTrace trace;
      for (std::size_t i = 0; i <= t; ++i) model(x);
      counts[t] = trace.decisions().size();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < counts.size(); ++t) BOOST_TEST(counts[t] == 3 * (t + 1));
  BOOST_TEST(here.decisions().size() == 1u);
}

// Backward calls the function again: the trace has its decisions already, and a loss that the function gives as an
// output of its own has its gradient.
BOOST_AUTO_TEST_CASE(recomputed_layers_decide_once) {
  manual_seed(21);
  nn::FFF tree({.inputs = width, .outputs = width, .depth = 3, .leaf_width = 2});
  const Tensor x = normal({rows, width});
  const auto block = [&](const std::vector<Variable>& inputs) -> std::vector<Variable> {
    const nn::RoutingTrace trace;
    const Variable y = tree(inputs[0]);
    return {y, nn::hardening_loss(trace) + nn::load_balance_loss(trace)};
  };
  std::vector<Tensor> gradients[2];
  for (const bool again : {false, true}) {
    tree.zero_grad();
    Tape tape;
    const nn::RoutingTrace trace;
    const std::vector<Variable> outputs = again ? recompute(block, {Variable(x)}) : block({Variable(x)});
    const Variable plain = again ? recompute([&](const Variable& v) { return tree(v); }, Variable(x)) : tree(x);
    BOOST_TEST(trace.decisions().size() == 1u);
    tape.backward(sum(outputs[0] * plain) + outputs[1]);
    BOOST_TEST(trace.decisions().size() == 1u);
    for (const Variable& parameter : tree.parameters()) gradients[again ? 1 : 0].push_back(parameter.grad());
  }
  for (std::size_t i = 0; i < gradients[0].size(); ++i) BOOST_TEST(same_bits(gradients[0][i], gradients[1][i]));
}

BOOST_AUTO_TEST_SUITE_END()
