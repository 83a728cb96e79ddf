#include <canopy/nn/classifier_score.hpp>

#include <cmath>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/identity.hpp>
#include <canopy/nn/routed/fff.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"

using namespace canopy;
using test::normal;

BOOST_AUTO_TEST_SUITE(classifier_score)

namespace {

// The labels that a model predicts itself, the first `wrong` of them shifted by one class.
Indices labels_of(const Tensor& logits, std::int64_t wrong) {
  Indices labels({logits.extent(0)});
  const std::int64_t classes = logits.extent(1);
  for (std::int64_t b = 0; b < labels.size(); ++b) {
    const float* row = logits.data() + b * classes;
    const auto best = static_cast<std::int32_t>(std::max_element(row, row + classes) - row);
    labels.mutable_data()[b] = b < wrong ? static_cast<std::int32_t>((best + 1) % classes) : best;
  }
  return labels;
}

}  // namespace

BOOST_AUTO_TEST_CASE(counts_correct_answers_and_leaves) {
  manual_seed(1);
  nn::FFF model({.inputs = 12, .outputs = 5, .depth = 3, .leaf_width = 2});
  model.eval();
  const Tensor x = normal({200, 12});
  const auto inference = model.infer(x);
  ClassifierScorer scorer(model);
  scorer.add(x, labels_of(inference.y, 30));
  scorer.add(x, labels_of(inference.y, 0));
  const ClassifierScore score = scorer.score();
  BOOST_TEST(score.samples == 400);
  BOOST_TEST(score.accuracy == 100.0 * 370 / 400);
  BOOST_TEST(score.leaves == 8);
  std::int64_t most = 0;
  std::int64_t used = 0;
  for (std::int32_t leaf = 0; leaf < 8; ++leaf) {
    const std::int64_t load = 2 * std::ranges::count(inference.leaf.elements(), leaf);
    BOOST_TEST(score.routing.at(0).branches[static_cast<std::size_t>(leaf)] == load);
    most = std::max(most, load);
    used += load > 0 ? 1 : 0;
  }
  BOOST_TEST(score.leaves_used == used);
  BOOST_TEST(score.maximum_leaf_load == 100.0 * static_cast<double>(most) / 400);
}

BOOST_AUTO_TEST_CASE(soft_scores_take_the_mixture) {
  manual_seed(2);
  nn::FFF model({.inputs = 12, .outputs = 5, .depth = 3, .leaf_width = 2});
  model.eval();
  const Tensor x = normal({300, 12});
  ClassifierScorer scorer(model, ClassifierScorer::Inference::soft);
  scorer.add(x, labels_of(model.forward_soft(x).value(), 12));
  BOOST_TEST(scorer.score().accuracy == 96.0);
}

BOOST_AUTO_TEST_CASE(a_tree_that_uses_one_leaf_is_collapsed_and_a_plain_network_never) {
  manual_seed(3);
  nn::FFF model({.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 1});
  model.node_biases().mutable_value().mutable_data()[0] = 100.f;
  model.eval();
  const Tensor x = normal({10, 4});
  ClassifierScorer tree(model);
  tree.add(x, Indices({10}, 0));
  BOOST_TEST(tree.score().collapsed());
  BOOST_TEST(tree.score().leaves_used == 1);
  nn::FeedForward ff({.inputs = 4, .width = 3, .outputs = 2});
  ff.eval();
  ClassifierScorer plain(ff);
  plain.add(x, Indices({10}, 0));
  BOOST_TEST(!plain.score().collapsed());
}

// Wherever it stands, a NaN predicts no class, not even the first.
BOOST_AUTO_TEST_CASE(logits_that_are_no_numbers_predict_nothing) {
  nn::Identity identity;
  identity.eval();
  for (const std::int64_t classes : {1, 3, 17}) {
    for (std::int64_t at = 0; at < classes; ++at) {
      for (std::int32_t label = 0; label < classes; ++label) {
        Tensor logits({2, classes}, 0.f);
        logits.mutable_data()[label] = 1.f;
        logits.mutable_data()[classes + at] = std::nanf("");
        ClassifierScorer scorer(identity);
        scorer.add(logits, Indices({2}, label));
        BOOST_TEST(scorer.score().accuracy == 50.);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(no_samples_have_no_accuracy) {
  nn::FFF model({.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 2});
  model.eval();
  ClassifierScorer scorer(model);
  BOOST_TEST(std::isnan(scorer.score().accuracy));
  scorer.add(Tensor({0, 4}), Indices({0}));
  BOOST_TEST(std::isnan(scorer.score().accuracy));
  BOOST_TEST(!scorer.score().collapsed());
}

BOOST_AUTO_TEST_CASE(a_model_in_training_mode_is_refused) {
  const nn::FeedForward ff({.inputs = 4, .width = 3, .outputs = 2});
  BOOST_CHECK_THROW(ClassifierScorer{ff}, Error);
}

BOOST_AUTO_TEST_SUITE_END()
