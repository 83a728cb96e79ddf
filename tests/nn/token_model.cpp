#include <canopy/nn/transformers/token_model.hpp>

#include <memory>
#include <vector>

#include <canopy/autograd/losses.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/optim/adam.hpp>

#include "support/errors.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::same_bits;
using test::speaks_of;

BOOST_AUTO_TEST_SUITE(token_model)

namespace {

std::unique_ptr<nn::Layer> feedforward(std::int64_t) {
  return std::make_unique<nn::FeedForward>(
      nn::FeedForwardOptions{.inputs = 8, .width = 16, .outputs = 8, .activation = Activation::gelu});
}

nn::TokenModelOptions small(bool causal = false) {
  return {.embeddings = {.vocabulary = 11, .width = 8, .positions = 6, .types = 2, .padding = 0},
          .encoder = {.blocks = 2, .block = {.width = 8, .heads = 2, .causal = causal}, .final_norm = true}};
}

Indices row_of(const Indices& matrix, std::int64_t row, std::int64_t count) {
  return {Shape{count},
          matrix.elements().subspan(static_cast<std::size_t>(row * matrix.extent(1)), static_cast<std::size_t>(count))};
}

}  // namespace

BOOST_AUTO_TEST_CASE(packing_a_batch_changes_no_valid_row) {
  manual_seed(1);
  const nn::TokenModel model(small(), feedforward);
  const Indices ids({3, 5}, {3, 4, 5, 0, 0, 1, 0, 0, 0, 0, 9, 8, 7, 6, 5}),
      mask({3, 5}, {1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1});
  const nn::Tokens padded = nn::Tokens::padded(ids, mask), packed = padded.without_padding();
  BOOST_TEST(packed.ids.size() == 9);
  const Tensor all = model(padded).value(), valid = model(packed).value();
  std::int64_t i = 0;
  for (const std::int32_t row : std::vector<std::int32_t>{0, 1, 2, 5, 10, 11, 12, 13, 14}) {
    for (std::int64_t j = 0; j < 8; ++j, ++i) BOOST_TEST(std::abs(valid.data()[i] - all.data()[row * 8 + j]) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(a_causal_model_reads_nothing_of_the_future) {
  manual_seed(2);
  const nn::TokenModel model(small(true), feedforward);
  const Indices ids({1, 6}, {1, 2, 3, 4, 5, 6});
  const Tensor whole = model(nn::Tokens::padded(ids)).value();
  for (std::int64_t n = 1; n < 6; ++n) {
    const Indices head = row_of(ids, 0, n);
    const Tensor part = model(nn::Tokens::packed(head, Sequences::equal(1, n))).value();
    for (std::int64_t i = 0; i < n * 8; ++i) BOOST_TEST(std::abs(part.data()[i] - whole.data()[i]) < 1e-6);
  }
}

BOOST_AUTO_TEST_CASE(recomputation_and_dropout_give_the_same_bits) {
  const auto gradients = [](bool recompute) {
    manual_seed(3);
    nn::TokenModelOptions options = small();
    options.encoder.recompute = recompute;
    options.encoder.block.dropout = options.encoder.block.attention_dropout = 0.3f;
    options.embeddings.dropout = 0.1f;
    const nn::TokenModel model(options, feedforward);
    const nn::MaskedTokenHead head(model.word_vectors(), {});
    const Indices ids({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), rows({2}, {1, 6}), labels({2}, {2, 7});
    Tape tape;
    const Variable loss = cross_entropy(head(model(nn::Tokens::padded(ids)), rows), labels);
    tape.backward(loss);
    std::vector<Tensor> results{loss.value()};
    for (const Variable& parameter : model.parameters()) {
      if (parameter.has_grad()) results.push_back(parameter.grad().clone());
    }
    return results;
  };
  const std::vector<Tensor> plain = gradients(false), again = gradients(true);
  BOOST_TEST_REQUIRE(plain.size() == again.size());
  BOOST_TEST(plain.size() > 20u);
  for (std::size_t i = 0; i < plain.size(); ++i) BOOST_TEST(same_bits(plain[i], again[i]));
}

// Each masked token is the one before it: attention has to find it.
BOOST_AUTO_TEST_CASE(learns_to_copy) {
  manual_seed(4);
  const nn::TokenModel model(small(), feedforward);
  const nn::MaskedTokenHead head(model.word_vectors(), {});
  std::vector<Variable> parameters = model.parameters();
  for (const Variable& parameter : head.parameters()) parameters.push_back(parameter);
  optim::Adam optimizer(parameters, {.learning_rate = 5e-3f});
  RandomStream random(5, "tokens");
  float loss_value = 0;
  for (int step = 0; step < 300; ++step) {
    Indices ids({32, 4}), rows({32}), labels({32});
    for (std::int32_t& id : ids.mutable_elements()) id = 2 + static_cast<std::int32_t>(random() % 9);
    for (std::int32_t i = 0; i < 32; ++i) {
      rows.mutable_data()[i] = 4 * i + 2;
      labels.mutable_data()[i] = ids.data()[4 * i + 1];
      ids.mutable_data()[4 * i + 2] = 1;  // the mask
    }
    Tape tape;
    const Variable loss = cross_entropy(head(model(nn::Tokens::padded(ids)), rows), labels);
    tape.backward(loss);
    optimizer.step();
    optimizer.zero_grad();
    loss_value = loss.value().item();
  }
  BOOST_TEST(loss_value < 0.1f);
}

BOOST_AUTO_TEST_CASE(tokens_are_checked) {
  BOOST_CHECK_THROW(nn::Tokens::padded(Indices({3}, 0)), ShapeError);
  BOOST_CHECK_EXCEPTION(nn::Tokens::padded(Indices({2, 3}, 0), Indices({3, 2}, 1)), ShapeError,
                        speaks_of("mask", "[3, 2]"));
  BOOST_CHECK_EXCEPTION(nn::Tokens::padded(Indices({2, 3}, 0), {}, Indices({6}, 1)), ShapeError, speaks_of("types"));
  BOOST_CHECK_THROW(nn::Tokens::packed(Indices({4}, 0), Sequences::equal(1, 5)), ShapeError);
  manual_seed(6);
  const nn::TokenModel model(small(), feedforward);
  BOOST_CHECK_THROW(model(nn::Tokens::padded(Indices({1, 7}, 1))), ShapeError);   // of 6 positions
  BOOST_CHECK_THROW(model(nn::Tokens::padded(Indices({1, 2}, 11))), ShapeError);  // of 11 words
  BOOST_CHECK_THROW(nn::MaskedTokenHead(Tensor(Shape{4}), {}), ShapeError);
  const nn::Tokens empty = nn::Tokens::padded(Indices({1, 0}, 1));
  BOOST_CHECK_THROW(nn::first_tokens(model(empty), empty.sequences), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
