#include <canopy/nn/transformers/crammed_bert.hpp>

#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/nn/routed/routed_layer.hpp>

#include "support/errors.hpp"
#include "support/normal.hpp"
#include "support/reference.hpp"
#include "support/same_bits.hpp"
#include "support/temporary_folder.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using nn::crammed_feedforward;
using test::same_bits;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(crammed_bert)

namespace {

nn::CrammedBertOptions small(const char* feedforward) {
  return {.vocabulary = 50,
          .width = 16,
          .blocks = 2,
          .heads = 4,
          .feedforward = crammed_feedforward(feedforward),
          .padding = 0};
}

const std::vector<const char*>& parts() {
  static const std::vector<const char*> all = {"dense24", "3x4", "2x0", "none"};
  return all;
}

Tensor logits(const nn::CrammedBert& bert) {
  const nn::Tokens tokens = nn::Tokens::padded(Indices({2, 3}, {7, 8, 9, 49, 1, 7}));
  return bert.predict(tokens, Indices({2}, {1, 5})).value();
}

}  // namespace

BOOST_AUTO_TEST_CASE(feedforward_parts_have_names) {
  for (const char* part : parts()) BOOST_TEST(nn::to_string(crammed_feedforward(part)) == part);
  BOOST_TEST(crammed_feedforward("1x11").neurons() == 4095);
  BOOST_TEST(crammed_feedforward("1x11").neurons_used() == 12);
  BOOST_TEST(crammed_feedforward("1536x1").neurons() == 4608);
  BOOST_TEST(crammed_feedforward("8x6").neurons_used() == 56);
  BOOST_TEST(crammed_feedforward("dense3072").neurons() == 3072);
  BOOST_TEST(crammed_feedforward("dense3072").neurons_used() == 3072);
  BOOST_TEST(crammed_feedforward("none").neurons() == 0);
  for (const char* wrong : {"", "dense", "dense0", "dense-1", "dense1.5", "dense 8", "dense99999999999999999999", "x",
                            "1x", "x1", "0x3", "1x25", "1x-1", "01x2", "1x02", "1x3x4", "1X3", "None"}) {
    BOOST_CHECK_EXCEPTION(crammed_feedforward(wrong), ConfigError, speaks_of(std::string("'") + wrong + "'"));
  }
}

BOOST_AUTO_TEST_CASE(starts_as_released) {
  manual_seed(3);
  nn::CrammedBertOptions options = small("1x6");
  options.width = 64;
  const nn::CrammedBert bert(options);
  std::size_t matrices = 0;
  for (const nn::NamedVariable& each : bert.named_parameters()) {
    const Tensor& value = each.variable.value();
    BOOST_TEST_CONTEXT(each.name) {
      if (value.shape().rank() == 2) {
        double squares = 0;
        for (const float x : value.elements()) squares += double{x} * x;
        const double deviation = std::sqrt(squares / static_cast<double>(value.size()));
        BOOST_TEST(std::abs(deviation - 0.02) < 0.001);
        ++matrices;
      } else if (each.name.ends_with("bias")) {
        for (const float x : value.elements()) BOOST_TEST(x == 0.f);
      } else {
        const float expected = each.name.ends_with("scale_factor") ? 0.125f : 1.f;  // 1 / sqrt(64)
        for (const float x : value.elements()) BOOST_TEST(x == expected);
      }
    }
  }
  BOOST_TEST(matrices == 1 + 2 * 4u);
  for (const float x : bert.model().word_vectors().value().elements().first(64)) BOOST_TEST(x == 0.f);  // padding
}

BOOST_AUTO_TEST_CASE(parameters_are_counted_before_there_are_any) {
  for (const char* part : parts()) {
    const nn::CrammedBert bert(small(part));
    BOOST_TEST(nn::parameter_count(bert.options()) == static_cast<double>(bert.parameter_count()), part);
    const bool trees = bert.options().feedforward.trees > 0;
    BOOST_TEST(nn::routed_layers(bert).size() == (trees ? 2u : 0u), part);
  }
}

BOOST_AUTO_TEST_CASE(is_saved_and_built_again) {
  const TemporaryFolder folder;
  const auto file = folder / "bert.safetensors";
  for (const char* part : parts()) {
    manual_seed(5);
    nn::CrammedBert bert(small(part));
    bert.eval();
    write_safetensors(file, nn::to_safetensors(bert));
    const auto again = nn::load_crammed_bert(file);
    BOOST_TEST(!again->is_training());
    BOOST_CHECK(again->options().feedforward == bert.options().feedforward);
    BOOST_TEST(same_bits(logits(*again), logits(bert)), part);
  }
}

// Under the names of the released checkpoints, every one of them.
BOOST_AUTO_TEST_CASE(has_the_released_names) {
  const auto check = [](const Safetensors& reference, const std::string& name) {
    if (!reference.tensors.contains("masked.logits")) return;  // a classifier
    const bool dense = reference.metadata.at("feedforward") == "dense";
    nn::CrammedBertOptions options{.vocabulary = std::stoll(reference.metadata.at("vocab_size")),
                                   .width = std::stoll(reference.metadata.at("hidden_size")),
                                   .blocks = std::stoll(reference.metadata.at("layers")),
                                   .heads = std::stoll(reference.metadata.at("heads"))};
    options.feedforward = dense
                              ? nn::CrammedFeedForward{.width = std::stoll(reference.metadata.at("intermediate_size"))}
                              : nn::CrammedFeedForward{.trees = std::stoll(reference.metadata.at("trees")),
                                                       .depth = std::stoll(reference.metadata.at("depth"))};
    const Safetensors ours = nn::to_safetensors(nn::CrammedBert(options));
    for (const auto& [tensor, value] : ours.tensors) {
      const auto found = reference.tensors.find(tensor);
      BOOST_REQUIRE_MESSAGE(found != reference.tensors.end(), name << ": " << tensor);
      BOOST_TEST((found->second.shape() == value.shape()), name << ": " << tensor);
    }
    for (const auto& [tensor, value] : reference.tensors) {
      if (tensor.starts_with("encoder.")) BOOST_TEST(ours.tensors.contains(tensor), name << ": " << tensor);
    }
  };
  test::for_each_reference("crammed_", check);
}

BOOST_AUTO_TEST_CASE(files_that_claim_something_else_are_refused) {
  const TemporaryFolder folder;
  const auto file = folder / "bert.safetensors";
  const Safetensors good = nn::to_safetensors(nn::CrammedBert(small("3x4")));
  const auto refused = [&](const char* key, const char* value, const char* words) {
    Safetensors bad = good;
    bad.metadata[key] = value;
    write_safetensors(file, bad);
    BOOST_CHECK_EXCEPTION(nn::load_crammed_bert(file), CheckpointError, speaks_of("bert.safetensors"));
    BOOST_CHECK_EXCEPTION(nn::load_crammed_bert(file), CheckpointError, speaks_of(words));
  };
  refused("architecture", "vit", "'vit'");
  refused("blocks", "1000000", "encoder.layers.2.norm1.weight");
  refused("blocks", "-1", "'-1'");
  refused("heads", "3", "3");
  refused("feedforward", "dense4096", "encoder.layers.0.ffn.dense_in.weight");
  refused("feedforward", "3x24", "encoder.layers.0.ffn.linear_in.weight");
  refused("feedforward", "trees", "'trees'");
  refused("activation", "magic", "magic");
  Safetensors less = good;
  less.metadata.erase("blocks");
  write_safetensors(file, less);
  BOOST_CHECK_EXCEPTION(nn::load_crammed_bert(file), CheckpointError, speaks_of("'blocks'"));
}

// y = x + attention(norm1(x)), saved and built again; behind: y = norm1(x + attention(x)).
BOOST_AUTO_TEST_CASE(a_block_without_a_feedforward_layer_is_attention_alone) {
  const TemporaryFolder folder;
  for (const nn::NormPlace place : {nn::NormPlace::before, nn::NormPlace::behind}) {
    manual_seed(9);
    const nn::Block block({.width = 8, .heads = 2, .norm = place}, nullptr);
    manual_seed(9);
    const nn::MultiHeadAttention attention({.width = 8, .heads = 2});
    const nn::LayerNorm norm({.width = 8, .epsilon = 1e-5f});
    const Tensor x = test::normal({2, 3, 8});
    const bool before = place == nn::NormPlace::before;
    const Variable expected = before ? Variable(x) + attention(norm(x)) : norm(Variable(x) + attention(x));
    BOOST_TEST(same_bits(block(x).value(), expected.value()));
    BOOST_TEST(block.named_parameters().size() == 6u);
    save(block, folder / "block.safetensors");
    BOOST_TEST(same_bits(load_model(folder / "block.safetensors").model->forward(x).value(), expected.value()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
