#include <canopy/nn/tree_initialisation.hpp>

#include <algorithm>
#include <cmath>

#include <canopy/core/error.hpp>
#include <canopy/nn/fff.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"

using namespace canopy;
using test::normal;

BOOST_AUTO_TEST_SUITE(tree_initialisation)

BOOST_AUTO_TEST_CASE(the_tree_begins_with_an_even_split_of_the_data) {
  manual_seed(14);
  nn::FFF model({.inputs = 12, .outputs = 3, .depth = 4, .leaf_width = 1});
  const Tensor x = normal({1600, 12});
  nn::initialise_tree(model, x);
  model.eval();
  const nn::FFF::Inference inference = model.infer(x);
  for (std::int32_t leaf = 0; leaf < 16; ++leaf) {
    const auto samples = std::ranges::count(inference.leaf.elements(), leaf);
    BOOST_TEST(samples >= 98);
    BOOST_TEST(samples <= 102);
  }
  // The root's logits have the spread that was asked for.
  double sum = 0;
  double squares = 0;
  for (std::int64_t b = 0; b < 1600; ++b) {
    double z = 0;
    for (std::int64_t i = 0; i < 12; ++i) z += x.data()[b * 12 + i] * model.node_weights().value().data()[i];
    sum += z;
    squares += z * z;
  }
  BOOST_TEST(std::abs(std::sqrt(squares / 1600 - sum / 1600 * sum / 1600) - 4) < 0.01);
}

BOOST_AUTO_TEST_CASE(identical_samples_leave_the_tree_as_it_was) {
  manual_seed(15);
  nn::FFF model({.inputs = 5, .outputs = 2, .depth = 2, .leaf_width = 1});
  const Tensor before = model.node_weights().value().clone();
  nn::initialise_tree(model, Tensor({10, 5}, 1.f));
  BOOST_CHECK(std::ranges::equal(before.elements(), model.node_weights().value().elements()));
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  nn::FFF model({.inputs = 5, .outputs = 2, .depth = 2, .leaf_width = 1});
  BOOST_CHECK_THROW(nn::initialise_tree(model, Tensor({3, 4}, 0.f)), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
