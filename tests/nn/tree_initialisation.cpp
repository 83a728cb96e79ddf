#include <canopy/nn/routed/tree_initialisation.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/routing_trace.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"
#include "support/normal.hpp"
#include "support/same_bits.hpp"

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

namespace {

// Rows that each leaf of `tree` gets when `model` evaluates x: an even share, but for the samples that boundaries pass.
void check_even(const nn::Layer& model, const nn::FFF& tree, const Tensor& x) {
  const nn::RoutingTrace trace;
  model(x);
  const Indices leaf = trace.at(tree).chosen();
  const std::int64_t share = leaf.size() / tree.leaves();
  for (std::int32_t i = 0; i < tree.leaves(); ++i) {
    const std::int64_t samples = std::ranges::count(leaf.elements(), i);
    BOOST_TEST(std::abs(samples - share) <= 2, tree.name() << ", leaf " << i << ": " << samples);
  }
}

}  // namespace

// Each from what reaches it, through other layers and through trees that were initialised before it.
BOOST_AUTO_TEST_CASE(every_tree_of_a_model_splits_what_reaches_it) {
  manual_seed(16);
  nn::Sequential model;
  // Smooth, so that no two rows become one.
  constexpr Activation smooth = Activation::gelu;
  model.add<nn::Linear>(nn::LinearOptions{.inputs = 7, .outputs = 12, .activation = smooth});
  auto& first =
      model.add<nn::FFF>(nn::FFFOptions{.inputs = 12, .outputs = 9, .depth = 3, .leaf_width = 4, .activation = smooth});
  auto& second =
      model.add<nn::FFF>(nn::FFFOptions{.inputs = 9, .outputs = 9, .depth = 2, .leaf_width = 4, .activation = smooth});
  model.add<nn::MoE>(nn::MoEOptions{.inputs = 9, .outputs = 9, .experts = 3, .expert_width = 4, .activation = smooth});
  auto& last = model.add<nn::FFF>(nn::FFFOptions{.inputs = 9, .outputs = 2, .depth = 3, .leaf_width = 4});
  const Tensor x = normal({40, 40, 7});
  nn::initialise_trees(model, x);
  BOOST_TEST(model.is_training());
  model.eval();
  for (const nn::FFF* tree : {&first, &second, &last}) check_even(model, *tree, x);
}

// Whatever the scale of the samples, and of what they have in common.
BOOST_AUTO_TEST_CASE(samples_of_any_scale_are_split_evenly) {
  for (const float scale : {1e-35f, 1e-20f, 1e-6f, 1e-3f, 1.f, 1e4f, 1e20f, 1e35f}) {
    for (const float common : {0.f, 10.f, 1000.f}) {
      manual_seed(19);
      nn::FFF model({.inputs = 6, .outputs = 2, .depth = 3, .leaf_width = 1});
      Tensor x = normal({1600, 6});
      for (float& v : x.mutable_elements()) v = scale * (v + common);
      nn::initialise_tree(model, x);
      model.eval();
      check_even(model, model, x);
    }
  }
}

// Also where both random starts of the clusters are one row.
BOOST_AUTO_TEST_CASE(every_node_that_two_distinct_samples_reach_gets_a_boundary) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    manual_seed(seed);
    nn::FFF model({.inputs = 5, .outputs = 2, .depth = 3, .leaf_width = 1});
    const Tensor x = normal({8, 5});
    nn::initialise_tree(model, x);
    Indices leaf = model.infer(x).leaf;
    std::ranges::sort(leaf.mutable_elements());
    for (std::int32_t i = 0; i < 8; ++i) BOOST_TEST(leaf.data()[i] == i, "seed " << seed);
  }
}

// Rows that differ in one column by little, among many copies, at each scale.
BOOST_AUTO_TEST_CASE(two_distinct_samples_are_told_apart) {
  for (const float scale : {1e-30f, 1e-3f, 1.f, 1e30f}) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      manual_seed(seed);
      nn::FFF model({.inputs = 9, .outputs = 2, .depth = 1, .leaf_width = 1});
      Tensor x({2 + static_cast<std::int64_t>(seed % 7), 9}, scale);
      x.mutable_elements()[3] *= 1.25f;
      nn::initialise_tree(model, x);
      const Indices leaf = model.infer(x).leaf;
      for (std::int64_t b = 1; b < x.extent(0); ++b) {
        BOOST_TEST(leaf.data()[b] == 1 - leaf.data()[0], "scale " << scale << ", seed " << seed << ", row " << b);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(samples_that_are_not_finite_are_refused) {
  nn::FFF model({.inputs = 3, .outputs = 2, .depth = 1, .leaf_width = 1});
  Tensor x({2, 3}, 1.f);
  x.mutable_elements()[4] = std::numeric_limits<float>::infinity();
  BOOST_CHECK_EXCEPTION(nn::initialise_tree(model, x), Error, test::speaks_of("not finite"));
}

BOOST_AUTO_TEST_CASE(a_tree_alone_is_initialised_as_a_model) {
  manual_seed(17);
  nn::FFF model({.inputs = 6, .outputs = 2, .depth = 3, .leaf_width = 1}), twin(model.options());
  twin.load_state_dict(model.state_dict());
  const Tensor x = normal({160, 6});
  manual_seed(18);
  nn::initialise_trees(model, x);
  manual_seed(18);
  nn::initialise_tree(twin, x);
  BOOST_TEST(test::same_bits(model.node_weights().value(), twin.node_weights().value()));
  BOOST_TEST(test::same_bits(model.node_biases().value(), twin.node_biases().value()));
}

// Those of its parts, too: a part that was frozen in evaluation mode stays there; and also after an error.
BOOST_AUTO_TEST_CASE(modes_stay_as_they_were) {
  nn::Sequential model;
  auto& frozen = model.add<nn::Sequential>();
  frozen.add<nn::Linear>(nn::LinearOptions{.inputs = 4, .outputs = 5});
  auto& tree = model.add<nn::FFF>(nn::FFFOptions{.inputs = 5, .outputs = 2, .depth = 1, .leaf_width = 1});
  const auto modes = [&] {
    return std::vector<bool>{model.is_training(), frozen.is_training(), frozen[0].is_training(), tree.is_training()};
  };
  frozen.eval();
  nn::initialise_trees(model, normal({10, 4}));
  BOOST_TEST((modes() == std::vector<bool>{true, false, false, true}));
  BOOST_CHECK_THROW(nn::initialise_trees(model, normal({10, 3})), ShapeError);
  BOOST_TEST((modes() == std::vector<bool>{true, false, false, true}));
  model.eval();
  tree.train();
  nn::initialise_trees(model, normal({10, 4}));
  BOOST_TEST((modes() == std::vector<bool>{false, false, false, true}));
}

BOOST_AUTO_TEST_CASE(a_tree_that_the_model_does_not_run_is_named) {
  struct Half : nn::Layer {
    nn::FFF used{{.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 1}};
    nn::FFF unused{{.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 1}};
    Half() {
      add_module("used", used);
      add_module("unused", unused);
    }
    Variable forward(const Variable& x) const override { return used(x); }
  };
  Half model;
  BOOST_CHECK_EXCEPTION(nn::initialise_trees(model, normal({10, 4})), Error, test::speaks_of("\"unused\""));
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  nn::FFF model({.inputs = 5, .outputs = 2, .depth = 2, .leaf_width = 1});
  BOOST_CHECK_THROW(nn::initialise_tree(model, Tensor({3, 4}, 0.f)), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
