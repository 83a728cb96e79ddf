// Every layer passes the gradient check.
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/activation.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/embedding.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/identity.hpp>
#include <canopy/nn/layer_norm.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/residual.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>
#include <canopy/nn/transformers/vit.hpp>

#include "support/errors.hpp"
#include "support/gradcheck.hpp"
#include "support/normal.hpp"
#include "support/temporary_folder.hpp"

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(gradients)

namespace {

constexpr std::int64_t inputs = 5;

using Make = std::function<std::unique_ptr<nn::Layer>()>;

template <class L>
Make make(const typename L::Options& options) {
  return [=] { return std::make_unique<L>(options); };
}

const nn::LinearOptions square{.inputs = inputs, .outputs = inputs, .activation = Activation::tanh};

template <class L>
std::unique_ptr<L> square_feedforward(typename L::Options options) {
  options.inputs = options.outputs = inputs;
  return std::make_unique<L>(options);
}

std::unique_ptr<nn::Layer> block(nn::NormPlace norm, std::unique_ptr<nn::Layer> feedforward) {
  return std::make_unique<nn::Block>(nn::BlockOptions{.width = inputs, .norm = norm, .dropout = 0.2f},
                                     std::move(feedforward));
}

// Of images of 3 channels, one pixel high.
std::unique_ptr<nn::Layer> vit(nn::ImagePooling pooling) {
  const nn::ViTOptions options{.image = {.height = 1, .width = inputs, .channels = 3},
                               .patch = 1,
                               .classes = 4,
                               .pooling = pooling,
                               .dropout = 0.2f,
                               .encoder = {.blocks = 1, .block = {.width = inputs}, .final_norm = true}};
  return std::make_unique<nn::ViT>(options, [](std::int64_t) -> std::unique_ptr<nn::Layer> {
    return square_feedforward<nn::FFF>({.depth = 2, .leaf_width = 2, .activation = Activation::gelu});
  });
}

// By name of the architecture.
const std::multimap<std::string, Make> layers{
    {"activation", [] { return std::make_unique<nn::ActivationLayer>(Activation::gelu); }},
    {"activation", [] { return std::make_unique<nn::ActivationLayer>(Activation::relu); }},
    {"attention", make<nn::MultiHeadAttention>({.width = inputs, .heads = 5})},
    {"attention",
     make<nn::MultiHeadAttention>(
         {.width = inputs, .projections = nn::Projections::separate, .bias = false, .causal = true, .dropout = 0.3f})},
    {"block", [] { return block(nn::NormPlace::before, square_feedforward<nn::FeedForward>({.width = 7})); }},
    {"block",
     [] {
       return block(nn::NormPlace::behind,
                    square_feedforward<nn::FFF>({.depth = 2, .leaf_width = 3, .activation = Activation::gelu}));
     }},
    {"block", [] { return block(nn::NormPlace::before, square_feedforward<nn::TreeFFF>({.trees = 1, .depth = 3})); }},
    {"block",
     [] {
       return block(nn::NormPlace::behind, square_feedforward<nn::MoE>({.experts = 3, .expert_width = 2, .k = 2}));
     }},
    {"dropout", make<nn::Dropout>({.probability = 0.4f})},
    {"encoder",
     [] {
       const nn::EncoderOptions options{.blocks = 2, .block = {.width = inputs}, .final_norm = true, .recompute = true};
       return std::make_unique<nn::Encoder>(options, [](std::int64_t) -> std::unique_ptr<nn::Layer> {
         return square_feedforward<nn::FeedForward>({.width = 6, .activation = Activation::gelu});
       });
     }},
    {"ff", make<nn::FeedForward>({.inputs = inputs, .width = 7, .outputs = 3})},
    {"ff", make<nn::FeedForward>({.inputs = inputs, .width = 7, .outputs = 3, .dropout = 0.3f})},
    {"fff", make<nn::FFF>({.inputs = inputs, .outputs = 3, .depth = 2, .leaf_width = 3})},
    {"fff", make<nn::FFF>({.inputs = inputs,
                           .outputs = 3,
                           .depth = 2,
                           .leaf_width = 3,
                           .dropout = 0.3f,
                           .region_leak = 0.3f,
                           .master_leaf_width = 2})},
    {"identity", [] { return std::make_unique<nn::Identity>(); }},
    {"layer-norm", make<nn::LayerNorm>({.width = inputs})},
    {"linear", make<nn::Linear>({.inputs = inputs, .outputs = 3, .bias = false})},
    {"linear", make<nn::Linear>(square)},
    {"moe",
     make<nn::MoE>({.inputs = inputs, .outputs = 3, .experts = 4, .expert_width = 3, .k = 2, .gate_bias = true})},
    {"residual", [] { return std::make_unique<nn::Residual>(std::make_unique<nn::Linear>(square)); }},
    {"sequential",
     [] {
       auto chain = std::make_unique<nn::Sequential>();
       chain->add<nn::LayerNorm>({.width = inputs});
       chain->add<nn::Linear>(square);
       return chain;
     }},
    {"tree-fff", make<nn::TreeFFF>({.inputs = inputs, .outputs = 3, .trees = 2, .depth = 1})},
    {"tree-fff", make<nn::TreeFFF>({.inputs = inputs, .outputs = 3, .trees = 2, .depth = 3, .bias = false})},
    {"vit", [] { return vit(nn::ImagePooling::class_token); }},
    {"vit", [] { return vit(nn::ImagePooling::mean); }},
};

}  // namespace

BOOST_AUTO_TEST_CASE(of_every_layer) {
  for (const auto& [name, make_layer] : layers) {
    for (const bool training : {true, false}) {
      manual_seed(11);
      const std::unique_ptr<nn::Layer> layer = make_layer();
      BOOST_TEST(layer->architecture().name == name);
      if (!training) layer->eval();
      const Variable x = Variable::parameter(test::normal({2, 3, inputs}), "x");
      std::vector<Variable> all = layer->parameters();
      all.push_back(x);
      // The same choices of dropout, region leak and noise each time.
      const auto forward = [&]() -> Variable {
        manual_seed(12);
        return (*layer)(x)*1.f;
      };
      test::check_gradient(forward, all, name + (training ? " in training" : " in evaluation"));
    }
  }
}

BOOST_AUTO_TEST_CASE(of_embeddings) {
  const nn::Embedding table({.count = 6, .width = 3});
  test::check_gradient([&] { return table(Indices({2, 3}, {5, 0, 2, 2, 2, 4})); }, {table.weight()});
}

// What makes the table above say "every layer": it holds what a checkpoint can hold.
BOOST_AUTO_TEST_CASE(no_layer_is_missing) {
  class Unknown : public nn::Identity {
   public:
    nn::Architecture architecture() const override { return {.name = "unknown"}; }
  };
  std::set<std::string> names;
  for (const auto& [name, make_layer] : layers) names.insert(name);
  const test::TemporaryFolder folder;
  save(Unknown(), folder / "model.safetensors");
  BOOST_CHECK_EXCEPTION(load_model(folder / "model.safetensors"), CheckpointError,
                        test::speaks_of(fmt::format("known: {}. ", fmt::join(names, ", "))));
}

BOOST_AUTO_TEST_SUITE_END()
