#include <canopy/autograd/decision_path.hpp>

#include <cmath>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/autograd/tree.hpp>
#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include "support/parameter.hpp"

using namespace canopy;

BOOST_AUTO_TEST_SUITE(decision_paths)

using test::parameter;

BOOST_AUTO_TEST_CASE(logits_along_the_path_have_the_right_gradients) {
  const Variable x = parameter({9, 6}, "x"), w = parameter({7, 6}, "w"), b = parameter({7, 1}, "b");
  GradcheckResult result = gradcheck([&] { return decision_path(x, w, b, 3).logits; }, {x, w, b});
  BOOST_TEST(result.passed, result.message);

  Tensor sign({9, 3}, 1.f);
  for (std::int64_t i = 0; i < sign.size(); i += 2) sign.mutable_data()[i] = -1.f;
  result = gradcheck([&] { return decision_path(x, w, b, 3, sign).logits; }, {x, w, b});
  BOOST_TEST(result.passed, result.message);

  const Variable all = parameter({9, 7}, "all");
  result = gradcheck([&] { return decision_path(all, 3).logits; }, {all});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(gradients_hold_the_nodes_passed_alone) {
  const Variable x = parameter({1, 6}, "x"), w = parameter({15, 6}, "w"), b = parameter({15, 1}, "b");
  Tape tape;
  tape.backward(sum(decision_path(x, w, b, 4).logits));
  for (const Variable& each : {w, b}) {
    BOOST_TEST_REQUIRE(each.has_row_grad());
    BOOST_TEST(each.row_grad().rows.size() == 4);
    BOOST_TEST(each.row_grad().rows.data()[0] == 0);
  }
}

BOOST_AUTO_TEST_CASE(the_path_s_probability_is_the_soft_tree_s) {
  const int depth = 3;
  const Variable all = parameter({20, 7}, "all");
  const DecisionPath path = decision_path(all, depth);
  const Tensor soft = tree_paths(all, depth, Routing::soft).path.value();
  const Tensor found = path_probability(path.logits).value();
  for (std::int64_t b = 0; b < 20; ++b) {
    BOOST_TEST(std::abs(found.data()[b] - soft.data()[b * 8 + path.leaf.data()[b]]) < 1e-6);
  }
  const GradcheckResult result = gradcheck([&] { return path_probability(decision_path(all, depth).logits); }, {all});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(a_tree_without_nodes_has_one_leaf) {
  const Variable x = parameter({5, 6}, "x"), none = Tensor(Shape{0, 6}), no_bias = Tensor(Shape{0, 1});
  const DecisionPath path = decision_path(x, none, no_bias, 0);
  BOOST_CHECK((path.logits.shape() == Shape{5, 0}));
  for (const std::int32_t leaf : path.leaf.elements()) BOOST_TEST(leaf == 0);
  const Tensor probability = path_probability(path.logits).value();
  for (const float p : probability.elements()) BOOST_TEST(p == 1.f);
}

BOOST_AUTO_TEST_CASE(shapes_must_fit) {
  const Variable x = parameter({9, 6}, "x"), w = parameter({7, 6}, "w"), b = parameter({7, 1}, "b");
  BOOST_CHECK_THROW(decision_path(x, w, b, 2), ShapeError);
  BOOST_CHECK_THROW(decision_path(x, w, parameter({7}, "b"), 3), ShapeError);
  BOOST_CHECK_THROW(decision_path(x, w, b, 3, Tensor({9, 2})), ShapeError);
  BOOST_CHECK_THROW(decision_path(x, 3), ShapeError);
  BOOST_CHECK_THROW(path_probability(parameter({3}, "z")), ShapeError);
  const Groups groups(Indices({9, 2}, std::vector<std::int32_t>(18)), 4);
  BOOST_CHECK_THROW(straight_through(x, parameter({9, 3}, "z"), Tensor({18, 6}), groups), ShapeError);
  BOOST_CHECK_THROW(straight_through(x, parameter({9, 2}, "z"), Tensor({18, 5}), groups), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
