// A model trained on scale (x - offset) is saved as one that reads x, or not at all.
#include <canopy/nn/checkpoints/fold_input.hpp>

#include <cmath>
#include <memory>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/activation.hpp>
#include <canopy/nn/checkpoints/checkpoint.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(fold_input)

namespace {

constexpr std::int64_t inputs = 12;

Tensor uniform(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(5, purpose).fill_uniform(x.mutable_elements(), 0.f, 1.f);
  return x;
}

DatasetMetadata metadata(std::int64_t features, float scale = 1.7f) {
  return {.input_normalisation = "x/255",
          .input = {.offset = uniform({features}, "mean"), .scale = Tensor::scalar(scale)}};
}

template <class... Layers>
std::unique_ptr<nn::Sequential> sequence(std::unique_ptr<Layers>... layers) {
  auto model = std::make_unique<nn::Sequential>();
  (model->append(std::move(layers)), ...);
  return model;
}

auto linear(std::int64_t in, bool bias = true) {
  return std::make_unique<nn::Linear>(nn::LinearOptions{.inputs = in, .outputs = 4, .bias = bias});
}

auto dropout() { return std::make_unique<nn::Dropout>(nn::DropoutOptions{.probability = 0.5f}); }

// Every architecture that reads its input by linear maps, alone, behind dropout and within sequences.
std::vector<std::unique_ptr<nn::Layer>> models() {
  std::vector<std::unique_ptr<nn::Layer>> all;
  all.push_back(linear(inputs));
  all.push_back(linear(inputs, false));
  all.push_back(std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = inputs, .width = 5, .outputs = 4}));
  all.push_back(std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = inputs, .outputs = 4, .depth = 3, .leaf_width = 2}));
  all.push_back(std::make_unique<nn::FFF>(
      nn::FFFOptions{.inputs = inputs, .outputs = 4, .depth = 0, .leaf_width = 2, .master_leaf_width = 3}));
  all.push_back(std::make_unique<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = inputs, .outputs = 4, .depth = 3}));
  all.push_back(
      std::make_unique<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = inputs, .outputs = 4, .depth = 3, .bias = false}));
  all.push_back(std::make_unique<nn::MoE>(
      nn::MoEOptions{.inputs = inputs, .outputs = 4, .experts = 3, .expert_width = 2, .k = 2, .noise = false}));
  all.push_back(sequence(dropout(), linear(inputs)));
  all.push_back(sequence(dropout(), sequence(dropout(), linear(inputs, false)), linear(4)));
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(saved_models_read_what_the_file_says) {
  const TemporaryFolder folder;
  manual_seed(1);
  const Tensor x = uniform({40, inputs}, "x");
  for (const float scale : {1.f, 1.7f}) {
    const DatasetMetadata dataset = metadata(inputs, scale);
    Tensor centred = x.clone();
    for (std::int64_t i = 0; i < x.size(); ++i) {
      centred.mutable_data()[i] = scale * (x.data()[i] - dataset.input.offset.data()[i % inputs]);
    }
    for (const auto& model : models()) {
      model->eval();
      save(*model, folder / "a", dataset);
      const LoadedModel loaded = load_model(folder / "a");
      BOOST_TEST(loaded.metadata.at("input_normalisation") == "x/255");
      const Tensor expected = (*model)(centred).value(), found = (*loaded.model)(x).value();
      for (std::int64_t i = 0; i < expected.size(); ++i) {
        BOOST_TEST(std::abs(expected.data()[i] - found.data()[i]) < 1e-4, model->architecture().name);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_scale_without_offset_is_folded) {
  manual_seed(2);
  const auto model = linear(inputs, false);
  const Safetensors content = to_safetensors(*model, {.input = {.scale = Tensor::scalar(2.f)}});
  BOOST_TEST(content.tensors.at("weight").data()[5] == 2 * model->weight().value().data()[5]);
}

BOOST_AUTO_TEST_CASE(other_numbers_of_inputs_are_refused) {
  const TemporaryFolder folder;
  for (const auto& model : models()) {
    for (const std::int64_t features : {std::int64_t{1}, inputs - 1, inputs + 1, std::int64_t{784}}) {
      BOOST_CHECK_EXCEPTION(save(*model, folder / "a", metadata(features)), ShapeError,
                            speaks_of(std::to_string(features) + " values", "reads 12"));
    }
  }
  BOOST_TEST(folder.entries() == 0);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_folded_is_refused) {
  struct Own : nn::Layer {
    nn::Linear a{{.inputs = inputs, .outputs = 2}};
    Own() { add_module("a", a); }
    Variable forward(const Variable& x) const override { return a(x); }
  };
  const TemporaryFolder folder;
  const Own own;
  const auto refused = [&](const nn::Layer& model, const char* part) {
    BOOST_CHECK_EXCEPTION(save(model, folder / "a", metadata(inputs)), CheckpointError,
                          speaks_of(part, "save_weights"));
  };
  refused(own, "'custom'");
  refused(nn::Sequential(), "'sequential'");
  refused(*sequence(dropout()), "'sequential'");
  refused(*sequence(dropout(), std::make_unique<nn::ActivationLayer>(Activation::relu), linear(inputs)),
          "'activation'");
  refused(*sequence(std::make_unique<Own>()), "'custom'");
  BOOST_TEST(folder.entries() == 0);

  nn::StateDict state = own.state_dict();  // by name it can
  nn::fold_input(state, own, {{"a.weight", "a.bias"}}, metadata(inputs, 2.f).input);
  BOOST_TEST(state.at("a.weight").data()[0] == 2 * own.a.weight().value().data()[0]);
  BOOST_CHECK_THROW(nn::fold_input(state, own, {{"b.weight", "b.bias"}}, metadata(inputs).input), CheckpointError);
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_used_elsewhere_is_refused) {
  struct Twice : nn::Layer {
    nn::Linear a{{.inputs = inputs, .outputs = inputs}};
    Twice() {
      add_module("0", a);
      add_module("1", a);
    }
    Variable forward(const Variable& x) const override { return a(a(x)); }
    nn::Architecture architecture() const override {
      return {.name = "sequential", .layers = {a.architecture(), a.architecture()}};
    }
  };
  const Twice model;
  BOOST_CHECK_EXCEPTION(to_safetensors(model, metadata(inputs)), CheckpointError,
                        speaks_of("'0.weight'", "tied to '1.weight'"));
}

BOOST_AUTO_TEST_SUITE_END()
