#include <canopy/autograd/neuron_forest.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"
#include "support/parameter.hpp"
#include "support/reference.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using namespace canopy::test;

// Named as the file; the function that it hides is canopy::neuron_forest.
BOOST_AUTO_TEST_SUITE(neuron_forest)

namespace {

constexpr std::int64_t inputs = 6;

// The parameters of a forest, and rows of input.
struct Case {
  ForestShape shape;
  Variable x, w_in, bias;

  Case(std::int64_t batch, int trees, int depth, bool with_bias)
      : shape{.trees = trees, .depth = depth},
        x(parameter({batch, inputs}, "x")),
        w_in(parameter({trees * shape.nodes(), inputs}, "w_in")) {
    if (with_bias) bias = parameter({trees * shape.nodes()}, "bias");
  }

  // Where the dense layer's logits send the rows.
  Indices bottom() const { return path_activations(canopy::linear(x, w_in, bias), shape).bottom; }
  std::vector<Variable> parameters() const {
    std::vector<Variable> all = {x, w_in};
    if (bias.is_defined()) all.push_back(bias);
    return all;
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::int64_t batch : {0, 1, 9, 70}) {
    for (const int trees : {1, 3}) {
      for (const int depth : {0, 1, 2, 5}) {
        for (const bool bias : {false, true}) all.emplace_back(batch, trees, depth, bias);
      }
    }
  }
  return all;
}

// The node at each level of each path: [trees * batch, levels].
std::vector<std::int64_t> nodes_of(const Case& each, const Indices& bottom) {
  const std::int64_t batch = bottom.extent(1);
  std::vector<std::int64_t> nodes;
  for (std::int64_t i = 0; i < bottom.size(); ++i) {
    for (int level = 0; level <= each.shape.depth; ++level) {
      const std::int64_t left_of_level = (std::int64_t{1} << level) - 1;
      nodes.push_back(i / batch * each.shape.nodes() + left_of_level +
                      (bottom.data()[i] >> (each.shape.depth - level)));
    }
  }
  return nodes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(paths_are_those_of_the_dense_logits) {
  for (const Case& each : cases()) {
    const Variable w_out = parameter({each.w_in.extent(0), 4}, "w_out");
    const NeuronPaths paths = canopy::neuron_forest(each.x, each.w_in, each.bias, w_out, each.shape);
    BOOST_TEST(same_bits(paths.bottom, each.bottom()));
    const PathActivations active = path_activations(canopy::linear(each.x, each.w_in, each.bias), each.shape);
    check_close(paths.y.value(), matmul(active.values, w_out).value(), 1e-5, "y");
    // Right where a logit is above 0.
    const Tensor z = path_logits(each.x, each.w_in, each.bias, paths.bottom, each.shape).value();
    const std::int64_t levels = each.shape.levels();
    for (std::int64_t i = 0; i < paths.bottom.size(); ++i) {
      std::int32_t reached = 0;
      for (int level = 0; level < each.shape.depth; ++level) {
        reached = 2 * reached + (z.data()[i * levels + level] > 0.f ? 1 : 0);
      }
      BOOST_TEST(reached == paths.bottom.data()[i]);
    }
  }
}

BOOST_AUTO_TEST_CASE(logits_on_the_paths_are_the_dense_ones) {
  for (const Case& each : cases()) {
    const Indices bottom = each.bottom();
    const Tensor dense = canopy::linear(each.x, each.w_in, each.bias).value();
    const Tensor found = path_logits(each.x, each.w_in, each.bias, bottom, each.shape).value();
    const std::int64_t batch = each.x.extent(0), levels = each.shape.levels();
    BOOST_TEST_REQUIRE(found.shape() == (Shape{each.shape.trees * batch, levels}));
    const std::vector<std::int64_t> nodes = nodes_of(each, bottom);
    for (std::int64_t i = 0; i < found.size(); ++i) {
      const float expected = dense.data()[i / levels % batch * dense.extent(1) + nodes[static_cast<std::size_t>(i)]];
      BOOST_TEST(std::abs(found.data()[i] - expected) < 1e-5f * (1 + std::abs(expected)));
    }
  }
}

// Any paths, not those alone that the logits lead to: a replayed route is as good.
BOOST_AUTO_TEST_CASE(gradients_of_logits_are_those_of_the_function) {
  for (const int depth : {0, 2, 3}) {
    for (const bool bias : {false, true}) {
      const Case each(7, 2, depth, bias);
      Indices bottom({2, 7});
      for (std::int32_t i = 0; i < 14; ++i) bottom.mutable_data()[i] = i * 5 % (1 << depth);
      const GradcheckResult result =
          gradcheck([&] { return path_logits(each.x, each.w_in, each.bias, bottom, each.shape); }, each.parameters());
      BOOST_TEST(result.passed, "depth " << depth << ": " << result.message);
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_hold_the_nodes_passed_alone) {
  const Case each(3, 2, 6, true);
  const Indices bottom = each.bottom();
  Tape tape;
  tape.backward(sum(path_logits(each.x, each.w_in, each.bias, bottom, each.shape)));
  std::vector<std::int64_t> passed = nodes_of(each, bottom);
  std::ranges::sort(passed);
  passed.erase(std::unique(passed.begin(), passed.end()), passed.end());
  for (const Variable& p : {each.w_in, each.bias}) {
    BOOST_TEST_REQUIRE(p.has_row_grad());
    const Indices& rows = p.row_grad().rows;
    BOOST_TEST(std::ranges::equal(rows.elements(), passed));
  }
  BOOST_TEST(each.x.has_grad());
}

BOOST_AUTO_TEST_CASE(what_is_frozen_has_no_gradient) {
  Case each(5, 2, 3, true);
  each.w_in.set_requires_grad(false);
  Tape tape;
  tape.backward(sum(path_logits(each.x, each.w_in, each.bias, each.bottom(), each.shape)));
  BOOST_TEST(!each.w_in.has_grad());
  BOOST_TEST(each.bias.has_row_grad());
  BOOST_TEST(each.x.has_grad());
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  for (const int trees : {1, 4}) {
    const ForestShape shape{.trees = trees, .depth = 5};
    const Tensor input = normal({800, 50}), upstream = normal({trees * 800, 6}, "dz");
    const Variable w_in = parameter({trees * shape.nodes(), 50}, "w_in"),
                   bias = parameter({trees * shape.nodes()}, "bias");
    const Indices bottom = path_activations(canopy::linear(input, w_in, bias), shape).bottom;
    same_bits_on_any_threads([&] {
      Variable x = Variable::parameter(input, "x"), w = w_in, b = bias;
      w.zero_grad();
      b.zero_grad();
      Tape tape;
      const Variable z = path_logits(x, w, b, bottom, shape);
      tape.backward(sum(z * upstream));
      return std::vector<Tensor>{z.value(), x.grad(), w.grad().clone(), b.grad().clone()};
    });
  }
}

BOOST_AUTO_TEST_CASE(shapes_must_fit) {
  const Case each(5, 2, 3, true);
  const Indices bottom = each.bottom();
  const auto logits = [&](const Variable& x, const Variable& w, const Variable& b, const Indices& paths) {
    return path_logits(x, w, b, paths, each.shape);
  };
  BOOST_CHECK_THROW(logits(parameter({5, 7}, "x"), each.w_in, each.bias, bottom), ShapeError);
  BOOST_CHECK_THROW(logits(parameter({30}, "x"), each.w_in, each.bias, bottom), ShapeError);
  BOOST_CHECK_THROW(logits(parameter({4, inputs}, "x"), each.w_in, each.bias, bottom), ShapeError);
  BOOST_CHECK_THROW(logits(each.x, parameter({29, inputs}, "w"), each.bias, bottom), ShapeError);
  BOOST_CHECK_THROW(logits(each.x, each.w_in, parameter({29}, "b"), bottom), ShapeError);
  BOOST_CHECK_THROW(logits(each.x, each.w_in, each.bias, bottom.reshape({10})), ShapeError);
  BOOST_CHECK_THROW(logits(each.x, each.w_in, each.bias, bottom.reshape({5, 2})), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
