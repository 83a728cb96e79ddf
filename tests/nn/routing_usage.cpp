#include <canopy/nn/routed/routing_usage.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(routing_usage)

namespace {

// Of one layer, after a forward of each x.
nn::LayerUsage use(nn::RoutedLayer& layer, nn::Usage kind, const std::vector<Tensor>& batches) {
  nn::RoutingUsage usage(layer, kind);
  for (const Tensor& x : batches) {
    const nn::RoutingTrace trace;
    layer.forward(x);
    usage.add(trace);
  }
  BOOST_TEST_REQUIRE(usage.layers().size() == 1u);
  BOOST_TEST(usage.layers()[0].layer == &layer);
  return usage.layers()[0];
}

void check_close(const Tensor& found, const std::vector<double>& expected) {
  BOOST_TEST_REQUIRE(found.shape() == (Shape{std::ssize(expected)}));
  for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST(std::abs(found.data()[i] - expected[i]) < 1e-3);
}

// Rows at each node and leaf of a tree of decisions, whose leaves are given.
struct Counts {
  std::vector<double> nodes, leaves;
  Counts(const Indices& leaf, int depth) : nodes((std::size_t{1} << depth) - 1), leaves(std::size_t{1} << depth) {
    for (const std::int32_t at : leaf.elements()) {
      leaves[static_cast<std::size_t>(at)] += 1;
      for (std::size_t node = leaves.size() + static_cast<std::size_t>(at); node > 1;) {
        node /= 2;  // numbered from 1 on, a child's parent is its half
        nodes[node - 1] += 1;
      }
    }
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(hard_usage_is_the_number_of_rows) {
  for (const int depth : {0, 3}) {
    manual_seed(12);
    nn::FFF model({.inputs = 10, .outputs = 3, .depth = depth, .leaf_width = 1});
    const Tensor x = normal({100, 10});
    const Counts once(model.infer(x).leaf, depth);
    for (const Routing routing : every_routing) {
      model.set_routing(routing);
      const nn::LayerUsage usage = use(model, nn::Usage::hard, {x, x});
      for (std::size_t i = 0; i < once.nodes.size(); ++i) {
        BOOST_TEST(usage.nodes.data()[i] == 2 * static_cast<float>(once.nodes[i]));
      }
      for (std::size_t i = 0; i < once.leaves.size(); ++i) {
        BOOST_TEST(usage.branches.data()[i] == 2 * static_cast<float>(once.leaves[i]));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(soft_usage_is_the_weight_that_reaches) {
  manual_seed(12);
  nn::FFF model({.inputs = 10, .outputs = 3, .depth = 3, .leaf_width = 1});
  const Tensor x = normal({100, 10});
  const auto tree = decide<nn::TreeDecisions>(model, x);
  std::vector<double> nodes(7), leaves(8);
  for (std::int64_t r = 0; r < 100; ++r) {
    for (std::size_t k = 0; k < 7; ++k) nodes[k] += 2 * tree.reach.data()[7 * r + std::int64_t(k)];
    for (std::size_t k = 0; k < 8; ++k) leaves[k] += 2 * tree.path.value().data()[8 * r + std::int64_t(k)];
  }
  const nn::LayerUsage usage = use(model, nn::Usage::soft, {x, x});
  check_close(usage.nodes, nodes);
  check_close(usage.branches, leaves);
  BOOST_TEST(std::abs(usage.nodes.data()[0] - 200) < 1e-3);
  double sum = 0;
  for (const float v : usage.branches.elements()) sum += v;
  BOOST_TEST(std::abs(sum - 200) < 1e-3);
}

// The weights of hard decisions are counts, however they are computed.
BOOST_AUTO_TEST_CASE(usage_of_hard_decisions_is_counted_along_the_path) {
  manual_seed(21);
  const nn::FFFOptions options{.inputs = 13, .outputs = 6, .depth = 4, .leaf_width = 3};
  nn::FFFOptions with_all = options;
  with_all.loss_nodes = nn::LossNodes::all;
  nn::FFF dense(options), hard(options), all(with_all);
  dense.set_routing(Routing::straight_through);
  for (nn::FFF* model : {&hard, &all}) {
    model->set_routing(Routing::hard);
    model->load_state_dict(dense.state_dict());
  }
  const Tensor x = normal({50, 13});
  for (const nn::Usage kind : {nn::Usage::hard, nn::Usage::soft}) {
    const nn::LayerUsage expected = use(dense, kind, {x});
    BOOST_TEST(expected.nodes.data()[0] == 50.f);
    for (nn::FFF* model : {&hard, &all}) {
      const nn::LayerUsage found = use(*model, kind, {x});
      BOOST_TEST(same_bits(found.nodes, expected.nodes));
      BOOST_TEST(same_bits(found.branches, expected.branches));
    }
  }
}

// Region leak sends rows elsewhere, and that is where they are counted.
BOOST_AUTO_TEST_CASE(usage_is_of_the_decisions_after_region_leak) {
  manual_seed(13);
  nn::FFF model({.inputs = 10, .outputs = 3, .depth = 3, .leaf_width = 1, .region_leak = 0.4f});
  for (const Routing routing : {Routing::soft, Routing::hard}) {
    model.set_routing(routing);
    nn::RoutingUsage usage(model, nn::Usage::hard);
    const nn::RoutingTrace trace;
    model(normal({200, 10}));
    usage.add(trace);
    check_close(usage.layers()[0].branches, Counts(trace.at(model).chosen().reshape({200}), 3).leaves);
  }
}

// Every neuron on the paths of every tree, the last one too; branches are the ends of paths.
BOOST_AUTO_TEST_CASE(neurons_of_trees_are_counted_as_rows_pass_them) {
  for (const int depth : {0, 1, 2, 5}) {
    for (const int trees : {1, 3}) {
      manual_seed(14);
      nn::TreeFFF model({.inputs = 10, .outputs = 4, .trees = trees, .depth = depth});
      const Tensor x = normal({60, 10});
      const Indices bottom = model.infer(x).bottom;
      std::vector<double> nodes, ends;
      for (std::int64_t t = 0; t < trees; ++t) {
        Indices of_tree({60});
        std::copy_n(bottom.data() + 60 * t, 60, of_tree.mutable_data());
        const Counts counts(of_tree, depth);
        nodes.insert(nodes.end(), counts.nodes.begin(), counts.nodes.end());
        nodes.insert(nodes.end(), counts.leaves.begin(), counts.leaves.end());
        ends.insert(ends.end(), counts.leaves.begin(), counts.leaves.end());
      }
      for (const nn::Usage kind : {nn::Usage::hard, nn::Usage::soft}) {
        const nn::LayerUsage usage = use(model, kind, {x});
        check_close(usage.nodes, nodes);
        check_close(usage.branches, ends);
      }
    }
  }
}

// All k of a row count, not the largest gate's alone: each of them is trained.
BOOST_AUTO_TEST_CASE(experts_are_counted_as_rows_are_sent) {
  manual_seed(15);
  nn::MoE model({.inputs = 10, .outputs = 4, .experts = 6, .expert_width = 2, .k = 2});
  nn::RoutingUsage usage(model, nn::Usage::soft);
  const nn::RoutingTrace trace;
  model(normal({60, 10}));
  usage.add(trace);
  const auto& gates = decided<nn::GateDecisions>(trace, model);
  const nn::LayerUsage& found = usage.layers().at(0);
  BOOST_TEST(found.nodes.size() == 0);
  for (std::int32_t e = 0; e < 6; ++e) {
    BOOST_TEST(found.branches.data()[e] == std::ranges::count(gates.chosen.elements(), e));
  }
}

// As local batches need them: counts fit the parameters that step by them, and go on after they were taken.
BOOST_AUTO_TEST_CASE(counts_fit_the_parameters_of_every_layer) {
  manual_seed(16);
  nn::Sequential model;
  model.add<nn::FFF>(nn::FFFOptions{.inputs = 6, .outputs = 6, .depth = 3, .leaf_width = 2, .master_leaf_width = 2});
  model.add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 6, .outputs = 6, .trees = 2, .depth = 3});
  model.add<nn::MoE>(nn::MoEOptions{.inputs = 6, .outputs = 6, .experts = 5, .expert_width = 2, .gate_bias = true});
  nn::RoutingUsage usage(model, nn::Usage::soft);
  BOOST_TEST_REQUIRE(usage.layers().size() == 3u);
  for (int step = 0; step < 2; ++step) {
    const nn::RoutingTrace trace;
    model(normal({30, 6}));
    usage.add(trace);
    for (std::size_t i = 0; i < 3; ++i) {
      const nn::LayerUsage& layer = usage.layers()[i];
      BOOST_TEST(layer.layer == &dynamic_cast<nn::RoutedLayer&>(model[i]));
      const nn::RoutedParameters parameters = layer.layer->routed_parameters();
      for (const Variable& each : parameters.nodes) BOOST_TEST(each.extent(0) == layer.nodes.size());
      for (const Variable& each : parameters.branches) BOOST_TEST(each.extent(0) == layer.branches.size());
      BOOST_TEST(parameters.nodes.size() + parameters.branches.size() + parameters.shared.size() ==
                 layer.layer->parameters().size());
      float sum = 0;
      Tensor taken = layer.branches;  // shares the counts
      for (float& each : taken.mutable_elements()) sum += std::exchange(each, 0.f);
      BOOST_TEST(std::abs(sum - 30.f * static_cast<float>(layer.layer->trees())) < 1e-3f);
    }
  }
  // Layers of other models are passed over.
  nn::MoE stranger({.inputs = 6, .outputs = 6, .experts = 5, .expert_width = 2});
  const nn::RoutingTrace trace;
  stranger(normal({30, 6}));
  usage.add(trace);
  for (const nn::LayerUsage& layer : usage.layers()) BOOST_TEST(layer.branches.data()[0] == 0.f);
}

BOOST_AUTO_TEST_SUITE_END()
