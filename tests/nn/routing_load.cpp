#include <canopy/nn/routed/routing_load.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"

using namespace canopy;
using test::normal;

BOOST_AUTO_TEST_SUITE(routing_load)

namespace {

using Counts = std::vector<std::int64_t>;

Counts count(const nn::FFF& tree, const Tensor& x) {
  Counts counts(8);
  const Indices leaves = tree.infer(x).leaf;
  for (const std::int32_t leaf : leaves.elements()) ++counts[static_cast<std::size_t>(leaf)];
  return counts;
}

Counts count(const nn::TreeFFF& forest, const Tensor& x) {
  Counts counts(12);
  const Indices bottom = forest.infer(x).bottom;
  for (std::int64_t t = 0; t < 3; ++t) {
    for (std::int64_t r = 0; r < x.extent(0); ++r) {
      ++counts[static_cast<std::size_t>(4 * t + bottom.data()[t * x.extent(0) + r])];
    }
  }
  return counts;
}

// The expert with the larger of two gates.
Counts count(const nn::MoE& moe, const Tensor& x) {
  Counts counts(6);
  const Indices experts = moe.infer(x).experts;
  for (std::int64_t r = 0; r < x.extent(0); ++r) ++counts[static_cast<std::size_t>(experts.data()[2 * r])];
  return counts;
}

nn::FFFOptions tree_options() { return {.inputs = 6, .outputs = 6, .depth = 3, .leaf_width = 2}; }
nn::TreeFFFOptions forest_options() { return {.inputs = 6, .outputs = 6, .trees = 3, .depth = 2}; }
nn::MoEOptions moe_options() {
  return {.inputs = 6, .outputs = 6, .experts = 6, .expert_width = 2, .k = 2, .noise = false};
}

// Of a layer alone, over two batches: rows of all are counted, whatever the mode.
template <class Layer>
void check_alone(Layer& model, std::int64_t trees) {
  const Tensor first = normal({50, 6}), second = normal({4, 5, 6}, "second");
  const Counts one = count(model, first), other = count(model, second.reshape({20, 6}));
  for (const bool training : {true, false}) {
    training ? model.train() : model.eval();
    nn::RoutingLoads loads(model);
    for (const Tensor& x : {first, second}) {
      const nn::RoutingTrace trace;
      model(x);
      loads.add(trace);
    }
    BOOST_TEST_REQUIRE(loads.layers().size() == 1u);
    const nn::RoutingLoad& load = loads.layers()[0];
    BOOST_TEST(load.layer == "");
    BOOST_TEST(load.trees == trees);
    BOOST_TEST(load.rows == 70);
    BOOST_TEST_REQUIRE(load.branches.size() == one.size());
    double fullest = 0;
    std::int64_t used = 0;
    const std::size_t of_tree = one.size() / static_cast<std::size_t>(trees);
    for (std::size_t t = 0; t < static_cast<std::size_t>(trees); ++t) {
      std::int64_t most = 0;
      for (std::size_t i = t * of_tree; i < (t + 1) * of_tree; ++i) {
        BOOST_TEST(load.branches[i] == one[i] + other[i]);
        most = std::max(most, one[i] + other[i]);
        used += one[i] + other[i] > 0 ? 1 : 0;
      }
      fullest += static_cast<double>(most) / 70 / static_cast<double>(trees);
    }
    BOOST_TEST(load.used() == used);
    BOOST_TEST(load.maximum() == 100 * fullest, boost::test_tools::tolerance(1e-12));
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(counts_are_those_of_inference) {
  manual_seed(1);
  nn::FFF tree(tree_options());
  check_alone(tree, 1);
  tree.set_routing(Routing::hard);
  check_alone(tree, 1);
  nn::TreeFFF forest(forest_options());
  check_alone(forest, 3);
  nn::MoE moe(moe_options());
  check_alone(moe, 1);
}

BOOST_AUTO_TEST_CASE(every_layer_of_a_model_is_listed_by_name) {
  struct Block : nn::Module {
    nn::Sequential inner;
    nn::FFF tree{tree_options()};
    Block() {
      add_module("inner", inner);
      // After it was registered.
      inner.add<nn::Linear>(nn::LinearOptions{.inputs = 6, .outputs = 6});
      inner.add<nn::MoE>(moe_options());
      add_module("tree", tree);
    }
  };
  struct Model : nn::Module {
    Block first, second;
    nn::TreeFFF forest{forest_options()};
    Model() {
      add_module("first", first);
      add_module("second", second);
      add_module("forest", forest);
    }
  };
  const Model model;
  nn::RoutingLoads loads(model);
  const Tensor x = normal({30, 6});
  {
    const nn::RoutingTrace trace;
    model.first.inner(x);
    model.second.tree(x);
    model.second.tree(x);
    const nn::MoE stranger(moe_options());
    stranger(x);
    loads.add(trace);
  }
  const std::vector<std::string> names = {"first.inner.1", "first.tree", "second.inner.1", "second.tree", "forest"};
  const std::vector<std::int64_t> rows = {30, 0, 0, 60, 0}, branches = {6, 8, 6, 8, 12};
  BOOST_TEST_REQUIRE(loads.layers().size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const nn::RoutingLoad& load = loads.layers()[i];
    BOOST_TEST(load.layer == names[i]);
    BOOST_TEST(load.rows == rows[i]);
    BOOST_TEST(std::ssize(load.branches) == branches[i]);
    if (load.rows > 0) continue;
    BOOST_TEST(load.used() == 0);
    BOOST_TEST(load.maximum() == 0);
    BOOST_TEST(!load.collapsed());
  }
}

BOOST_AUTO_TEST_CASE(a_layer_collapses_above_90_percent) {
  const auto collapsed = [](std::int64_t trees, Counts branches, std::int64_t rows) {
    return nn::RoutingLoad{.layer = {}, .trees = trees, .rows = rows, .branches = std::move(branches)}.collapsed();
  };
  BOOST_TEST(!collapsed(1, {90, 10}, 100));
  BOOST_TEST(collapsed(1, {91, 9}, 100));
  BOOST_TEST(collapsed(1, {0, 0, 5, 0}, 5));
  BOOST_TEST(!collapsed(1, {0, 0}, 0));
  // A single branch decides nothing in the first place; nor do trees of one each.
  BOOST_TEST(!collapsed(1, {100}, 100));
  BOOST_TEST(!collapsed(3, {100, 100, 100}, 100));
  // Of several trees on average.
  BOOST_TEST(!collapsed(2, {100, 0, 50, 50}, 100));
  BOOST_TEST(collapsed(2, {95, 5, 3, 97}, 100));
}

BOOST_AUTO_TEST_CASE(trees_of_neurons_that_go_one_way_are_collapsed) {
  manual_seed(2);
  nn::TreeFFF forest(forest_options());
  for (nn::NamedVariable& entry : forest.named_parameters()) {
    if (entry.name == "linear_in.bias") std::ranges::fill(entry.variable.mutable_value().mutable_elements(), 100.f);
  }
  nn::TreeFFF bushes({.inputs = 6, .outputs = 6, .trees = 3, .depth = 0});
  for (nn::TreeFFF* model : {&forest, &bushes}) {
    nn::RoutingLoads loads(*model);
    const nn::RoutingTrace trace;
    (*model)(normal({30, 6}));
    loads.add(trace);
    const nn::RoutingLoad& load = loads.layers().at(0);
    BOOST_TEST(load.used() == 3);
    BOOST_TEST(load.maximum() == 100);
    BOOST_TEST(load.collapsed() == (model == &forest));
  }
}

BOOST_AUTO_TEST_SUITE_END()
