#include <canopy/nn/transformers/decoder.hpp>

#include <memory>
#include <vector>

#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/optim/adam.hpp>

#include "support/errors.hpp"
#include "support/gradcheck.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::speaks_of;

BOOST_AUTO_TEST_SUITE(decoder)

namespace {

constexpr nn::DecoderOptions small{.vocabulary = 7, .positions = 6, .width = 8, .heads = 2, .blocks = 2};

std::unique_ptr<nn::Layer> dense(std::int64_t) {
  return std::make_unique<nn::FeedForward>(
      nn::FeedForwardOptions{.inputs = 8, .width = 16, .outputs = 8, .activation = Activation::gelu});
}

std::unique_ptr<nn::Layer> tree(std::int64_t) {
  return std::make_unique<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 8, .outputs = 8, .trees = 2, .depth = 2});
}

nn::Tokens packed(const std::vector<std::int32_t>& ids, const std::vector<std::int64_t>& lengths) {
  return nn::Tokens::packed(Indices({std::ssize(ids)}, ids), Sequences::packed(lengths));
}

// Each token follows from the one before, 0 1 2 3 4 5 0 1 ..., from every beginning.
nn::Tokens counting() {
  std::vector<std::int32_t> ids;
  for (std::int32_t first = 0; first < 6; ++first) {
    for (std::int32_t i = 0; i < 6; ++i) ids.push_back((first + i) % 6);
  }
  ids.insert(ids.end(), {4, 5, 0});
  return packed(ids, {6, 6, 6, 6, 6, 6, 3});
}

void train(nn::Decoder& decoder, int steps) {
  optim::Adam adam(decoder.parameters(), {.learning_rate = 0.02f});
  const nn::Tokens tokens = counting();
  Indices next = tokens.ids.clone();
  for (std::int32_t& id : next.mutable_elements()) id = (id + 1) % 6;
  for (int step = 0; step < steps; ++step) {
    Tape tape;
    tape.backward(cross_entropy(decoder(tokens), next));
    adam.step();
    adam.zero_grad();
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_tokens_that_come_next) {
  const nn::NextTokens next = nn::next_tokens(packed({5, 6, 1, 2, 3}, {2, 0, 1, 2}));
  BOOST_TEST(std::vector(next.rows.elements().begin(), next.rows.elements().end()) ==
             (std::vector<std::int32_t>{0, 3}));
  BOOST_TEST(std::vector(next.labels.elements().begin(), next.labels.elements().end()) ==
             (std::vector<std::int32_t>{6, 3}));
}

BOOST_AUTO_TEST_CASE(logits_behind_some_rows_are_those_of_all) {
  manual_seed(3);
  nn::Decoder decoder(small, dense);
  decoder.eval();
  const Tensor all = decoder(counting()).value(), some = decoder(counting(), Indices({2}, {38, 3})).value();
  BOOST_TEST(all.shape() == (Shape{39, 7}));
  for (std::int64_t j = 0; j < 7; ++j) {
    BOOST_TEST(std::abs(some.data()[j] - all.data()[38 * 7 + j]) < 1e-6);
    BOOST_TEST(std::abs(some.data()[7 + j] - all.data()[3 * 7 + j]) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(passes_the_gradient_check) {
  manual_seed(4);
  nn::DecoderOptions options = small;
  options.dropout = 0.1f;
  const nn::Decoder decoder(options, dense);
  const nn::Tokens tokens = packed({5, 6, 1, 2, 3}, {2, 0, 3});
  const nn::NextTokens next = nn::next_tokens(tokens);
  test::check_gradient(
      [&] {
        manual_seed(5);
        return cross_entropy(decoder(tokens, next.rows), next.labels);
      },
      decoder.parameters());
}

// With dense layers and with trees; past the positions that it has, too.
BOOST_AUTO_TEST_CASE(it_goes_on_with_what_it_learned) {
  for (const nn::MakeFeedForward& feedforward : {nn::MakeFeedForward(dense), nn::MakeFeedForward(tree)}) {
    manual_seed(6);
    nn::Decoder decoder(small, feedforward);
    RandomStream random(1, "text");
    BOOST_CHECK_EXCEPTION(nn::generate(decoder, std::vector{3}, {}, random), Error, speaks_of("eval()"));
    train(decoder, 150);
    decoder.eval();
    const std::vector<std::int32_t> expected{4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3};
    for (const float temperature : {0.f, 0.2f}) {
      const auto text =
          nn::generate(decoder, std::vector{2, 3}, {.most = 12, .sampling = {.temperature = temperature}}, random);
      BOOST_TEST(text == expected, boost::test_tools::per_element());
    }
    // To the token that ends it, or until someone has seen enough.
    const auto stopped = nn::generate(decoder, std::vector{2, 3}, {.stop = 0, .sampling = {.temperature = 0}}, random);
    BOOST_TEST(stopped == (std::vector<std::int32_t>{4, 5, 0}), boost::test_tools::per_element());
    std::int64_t seen = 0;
    nn::generate(decoder, std::vector{2, 3}, {}, random, [&](std::int32_t) { return ++seen < 5; });
    BOOST_TEST(seen == 5);
  }
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  BOOST_CHECK_THROW(nn::Decoder({.vocabulary = 7, .width = 8, .blocks = 1}, dense), ConfigError);
  nn::Decoder decoder(small, dense);
  decoder.eval();
  RandomStream random(1, "text");
  BOOST_CHECK_EXCEPTION(nn::generate(decoder, {}, {}, random), ShapeError, speaks_of("prompt"));
  BOOST_CHECK_THROW(nn::generate(decoder, std::vector{7}, {}, random), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
