#include <canopy/nn/checkpoints/checkpoint.hpp>

#include <array>
#include <cmath>
#include <filesystem>
#include <random>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/nn/activation.hpp>
#include <canopy/nn/checkpoints/weights.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>
#include <canopy/nn/transformers/vit.hpp>

#include <support/errors.hpp>
#include <support/same_bits.hpp>
#include <support/temporary_folder.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(checkpoint)

namespace {

Tensor uniform(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(5, purpose).fill_uniform(x.mutable_elements(), 0.f, 1.f);
  return x;
}

void check_same_answers(const nn::Layer& a, const Tensor& xa, const nn::Layer& b, const Tensor& xb, double tolerance) {
  const Tensor ya = a(xa).value();
  const Tensor yb = b(xb).value();
  BOOST_REQUIRE(ya.size() == yb.size());
  for (std::int64_t i = 0; i < ya.size(); ++i) BOOST_TEST(std::abs(ya.data()[i] - yb.data()[i]) <= tolerance);
}

}  // namespace

BOOST_AUTO_TEST_CASE(classifiers_return_as_they_were) {
  const TemporaryFolder folder;
  manual_seed(1);
  nn::FFF fff({.inputs = 20, .outputs = 4, .depth = 3, .leaf_width = 3, .activation = Activation::gelu});
  nn::FeedForward ff({.inputs = 20, .width = 7, .outputs = 4});
  nn::FFF stump({.inputs = 20, .outputs = 4, .depth = 0, .leaf_width = 3});
  const Tensor x = uniform({9, 20}, "x");
  for (nn::Layer* model : std::initializer_list<nn::Layer*>{&fff, &ff, &stump}) {
    model->eval();
    save(*model, folder / "model.safetensors", {.dataset = "mnist", .input_normalisation = "x/255"});
    const LoadedModel loaded = load_model(folder / "model.safetensors");
    check_same_answers(*model, x, *loaded.model, x, 0);
    BOOST_TEST(loaded.metadata.at("dataset") == "mnist");
    BOOST_TEST(loaded.metadata.at("input_normalisation") == "x/255");
    BOOST_TEST(!loaded.model->is_training());
  }
}

BOOST_AUTO_TEST_CASE(metadata_and_layout_are_those_of_the_released_files) {
  manual_seed(2);
  const nn::FFF fff({.inputs = 6, .outputs = 2, .depth = 2, .leaf_width = 3});
  const Safetensors state = to_safetensors(fff, {});
  BOOST_TEST(state.metadata.at("architecture") == "fff");
  BOOST_TEST(state.metadata.at("depth") == "2");
  BOOST_TEST(state.metadata.at("leaf_width") == "3");
  BOOST_TEST(state.metadata.at("activation") == "relu");
  BOOST_TEST(state.metadata.at("master_leaf_width") == "0");
  BOOST_CHECK((state.tensors.at("w1s").shape() == Shape{4, 6, 3}));
  BOOST_CHECK((state.tensors.at("node_biases").shape() == Shape{3, 1}));
}

BOOST_AUTO_TEST_CASE(centred_inputs_are_folded_into_the_first_biases) {
  const TemporaryFolder folder;
  manual_seed(3);
  nn::FFF fff({.inputs = 20, .outputs = 4, .depth = 3, .leaf_width = 3});
  nn::FeedForward ff({.inputs = 20, .width = 7, .outputs = 4});
  const Tensor raw = uniform({50, 20}, "raw");
  const Tensor mean = uniform({20}, "mean");
  const float scale = 1.7f;
  Tensor centred = raw.clone();
  float* out = centred.mutable_data();
  for (std::int64_t i = 0; i < centred.size(); ++i) out[i] = scale * (raw.data()[i] - mean.data()[i % 20]);
  for (nn::Layer* model : std::initializer_list<nn::Layer*>{&fff, &ff}) {
    model->eval();
    save(*model, folder / "model.safetensors", {.input = {.offset = mean, .scale = Tensor::scalar(scale)}});
    const LoadedModel loaded = load_model(folder / "model.safetensors");
    check_same_answers(*model, centred, *loaded.model, raw, 1e-5);
  }
}

BOOST_AUTO_TEST_CASE(a_scale_for_each_input_is_folded) {
  const TemporaryFolder folder;
  manual_seed(3);
  nn::FFF fff({.inputs = 20, .outputs = 4, .depth = 3, .leaf_width = 3});
  nn::FeedForward ff({.inputs = 20, .width = 7, .outputs = 4});
  const Standardisation columns{.offset = uniform({20}, "mean"), .scale = uniform({20}, "scale")};
  const Tensor raw = uniform({50, 20}, "raw");
  for (nn::Layer* model : std::initializer_list<nn::Layer*>{&fff, &ff}) {
    model->eval();
    save(*model, folder / "model.safetensors", {.input = columns});
    const LoadedModel loaded = load_model(folder / "model.safetensors");
    check_same_answers(*model, columns.apply(raw), *loaded.model, raw, 1e-5);
    BOOST_TEST(!loaded.metadata.contains("input_normalisation"));
    const Standardisation larger{.offset = uniform({21}, "mean")};
    BOOST_CHECK_THROW(save(*model, folder / "other.safetensors", {.input = larger}), ShapeError);
  }
}

BOOST_AUTO_TEST_CASE(training_state_beside_the_classifier_is_left_out) {
  const TemporaryFolder folder;
  manual_seed(4);
  nn::FeedForward ff({.inputs = 3, .width = 2, .outputs = 2});
  Safetensors state = to_safetensors(ff, {});
  state.tensors["training.optimizer.0"] = Tensor({3}, 1.f);
  write_safetensors(folder / "a.safetensors", {.metadata = state.metadata, .tensors = state.tensors, .indices = {}});
  BOOST_CHECK_NO_THROW(load_model(folder / "a.safetensors"));
}

BOOST_AUTO_TEST_CASE(what_is_no_classifier_is_refused_by_name) {
  const TemporaryFolder folder;
  const auto refuse = [&](std::map<std::string, std::string> metadata, nn::StateDict tensors, const std::string& part) {
    const auto path = folder / "bad.safetensors";
    write_safetensors(path, {.metadata = std::move(metadata), .tensors = std::move(tensors), .indices = {}});
    try {
      load_model(path);
      BOOST_ERROR("accepted: " + part);
    } catch (const CheckpointError& error) {
      const std::string text = error.what();
      BOOST_TEST(text.find("bad.safetensors") != std::string::npos);
      BOOST_TEST(text.find(part) != std::string::npos, text);
    }
  };
  manual_seed(5);
  const Safetensors good = to_safetensors(nn::FFF({.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 1}), {});
  refuse({{"architecture", "transformer"}}, good.tensors, "transformer");
  refuse({}, {{"x", Tensor({1}, 0.f)}}, "no 'architecture', nor is 'w1s' there");
  refuse({}, {{"x", Tensor({1}, 0.f)}}, "found 1 tensors, the first 'x'");
  refuse({{"architecture", "fff"}}, {{"x", Tensor({1}, 0.f)}}, "'w1s' is missing");
  refuse({{"activation", "step"}}, good.tensors, "step");
  nn::StateDict odd = good.tensors;
  odd["w1s"] = Tensor({3, 4, 1}, 0.f);
  refuse({}, odd, "power of two");
  nn::StateDict extra = good.tensors;
  extra["master_w1"] = Tensor({4, 8}, 0.f);
  refuse({}, extra, "missing 'master_b1'");
  extra = good.tensors;
  extra["master_b1"] = Tensor({8}, 0.f);
  refuse({}, extra, "unexpected 'master_b1'");
  refuse({{"master_mix", "both"}}, good.tensors, "master_mix");
  BOOST_CHECK_THROW(load_model(folder / "absent.safetensors"), Error);
}

namespace {

// Layers from [batch, inputs] to [batch, outputs], one kind after the other, sequences of them included.
std::unique_ptr<nn::Layer> random_layer(std::mt19937& random, std::int64_t inputs, std::int64_t outputs, int depth) {
  const auto pick = [&](int kinds) { return static_cast<int>(random() % static_cast<unsigned>(kinds)); };
  const Activation activation = std::array{Activation::relu, Activation::gelu, Activation::tanh}[pick(3)];
  const bool flag = pick(2) == 0;
  switch (depth > 0 ? pick(7) : pick(6)) {
    case 0:
      return std::make_unique<nn::Linear>(
          nn::LinearOptions{.inputs = inputs, .outputs = outputs, .bias = flag, .activation = activation});
    case 1:
      return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{
          .inputs = inputs, .width = 5, .outputs = outputs, .activation = activation, .dropout = 0.1f});
    case 2:
      return std::make_unique<nn::FFF>(
          nn::FFFOptions{.inputs = inputs,
                         .outputs = outputs,
                         .depth = pick(4),
                         .leaf_width = 2,
                         .activation = activation,
                         .region_leak = 0.25f,
                         .master_leaf_width = flag ? 3 : 0,
                         .master_mix = pick(2) == 0 ? nn::MasterMix::tree : nn::MasterMix::master});
    case 3:
      return std::make_unique<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = inputs,
                                                              .outputs = outputs,
                                                              .trees = 1 + pick(3),
                                                              .depth = pick(5),
                                                              .activation = activation,
                                                              .bias = flag});
    case 4:
      return std::make_unique<nn::MoE>(nn::MoEOptions{.inputs = inputs,
                                                      .outputs = outputs,
                                                      .experts = 4,
                                                      .expert_width = 3,
                                                      .k = 1 + pick(3),
                                                      .activation = activation,
                                                      .noise = flag,
                                                      .gate_bias = pick(2) == 0});
    case 5: {
      auto pair = std::make_unique<nn::Sequential>();
      pair->add<nn::Dropout>(nn::DropoutOptions{.probability = 0.3f});
      pair->add<nn::ActivationLayer>(activation);
      pair->add<nn::Linear>(nn::LinearOptions{.inputs = inputs, .outputs = outputs});
      return pair;
    }
    default: {
      auto sequence = std::make_unique<nn::Sequential>();
      std::int64_t width = inputs;
      for (int layers = pick(3); layers > 0; --layers) {
        const std::int64_t next = 2 + pick(6);
        sequence->append(random_layer(random, width, next, depth - 1));
        width = next;
      }
      sequence->append(random_layer(random, width, outputs, depth - 1));
      return sequence;
    }
  }
}

// A layer of one's own that describes itself.
struct Scaled : nn::Layer {
  explicit Scaled(std::int64_t width, int times) : times_(times) {
    scale = add_parameter("scale", Tensor({width}, 2.f));
  }
  Variable forward(const Variable& x) const override {
    Variable y = x;
    for (int i = 0; i < times_; ++i) y = y * scale;
    return y;
  }
  nn::Architecture architecture() const override {
    return {.name = "scaled", .options = {{"times", std::to_string(times_)}}};
  }
  Variable scale;
  int times_;
};

// One that does not.
struct Own : nn::Layer {
  nn::Linear a{{.inputs = 3, .outputs = 2}};
  Own() { add_module("a", a); }
  Variable forward(const Variable& x) const override { return a(x); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(any_composition_is_rebuilt_to_the_same_bits) {
  const TemporaryFolder folder;
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    manual_seed(static_cast<std::uint64_t>(round));
    const std::unique_ptr<nn::Layer> model = random_layer(random, 6, 3, 3);
    model->eval();
    const auto path = folder / "model.safetensors";
    save(*model, path, {}, {{"round", std::to_string(round)}});
    const LoadedModel loaded = load_model(path);
    BOOST_TEST(loaded.metadata.at("round") == std::to_string(round));
    BOOST_TEST(!loaded.metadata.contains("input_normalisation"));
    const Tensor x = uniform({7, 6}, "x");
    BOOST_TEST(test::same_bits((*loaded.model)(x).value(), (*model)(x).value()), "round " << round);
    save(*loaded.model, folder / "again.safetensors", {}, {{"round", std::to_string(round)}});
    BOOST_TEST(read_file(folder / "again.safetensors") == read_file(path), "round " << round);
  }
}

BOOST_AUTO_TEST_CASE(transformers_are_rebuilt_to_the_same_bits) {
  const TemporaryFolder folder;
  const Tensor x = uniform({2, 3, 6}, "x");  // sequences of three tokens, images of three channels
  const auto feedforward = [](std::int64_t block) -> std::unique_ptr<nn::Layer> {
    if (block == 0)
      return std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = 6, .outputs = 6, .depth = 1, .leaf_width = 2});
    return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = 6, .width = 4, .outputs = 6});
  };
  const nn::EncoderOptions pre{.blocks = 2, .block = {.width = 6, .heads = 2, .epsilon = 1e-6f}, .final_norm = true};
  const nn::EncoderOptions post{.blocks = 2,
                                .block = {.width = 6,
                                          .heads = 3,
                                          .norm = nn::NormPlace::behind,
                                          .projections = nn::Projections::separate,
                                          .bias = false,
                                          .causal = true,
                                          .dropout = 0.1f,
                                          .attention_dropout = 0.2f}};
  std::vector<std::unique_ptr<nn::Layer>> models;
  for (const nn::EncoderOptions& encoder : {pre, post}) {
    models.push_back(std::make_unique<nn::Encoder>(encoder, feedforward));
    for (const nn::ImagePooling pooling : {nn::ImagePooling::class_token, nn::ImagePooling::mean}) {
      const nn::ViTOptions options{.image = {.height = 2, .width = 3, .channels = 3},
                                   .patch = 1,
                                   .classes = 4,
                                   .pooling = pooling,
                                   .dropout = 0.1f,
                                   .encoder = encoder};
      models.push_back(std::make_unique<nn::ViT>(options, feedforward));
    }
  }
  for (const auto& model : models) {
    model->eval();
    save(*model, folder / "model.safetensors");
    const LoadedModel loaded = load_model(folder / "model.safetensors");
    BOOST_TEST(test::same_bits((*loaded.model)(x).value(), (*model)(x).value()));
    save(*loaded.model, folder / "again.safetensors");
    BOOST_TEST(read_file(folder / "again.safetensors") == read_file(folder / "model.safetensors"));
  }
}

BOOST_AUTO_TEST_CASE(layers_of_ones_own_are_rebuilt_by_their_builders) {
  const TemporaryFolder folder;
  const auto path = folder / "model.safetensors";
  manual_seed(6);
  nn::Sequential model;
  model.add<nn::Linear>(nn::LinearOptions{.inputs = 4, .outputs = 3});
  model.add<Scaled>(3, 2);
  model.eval();
  save(model, path);
  const nn::Builders builders = {{"scaled", [](const nn::SavedLayer& saved) {
                                    return std::make_unique<Scaled>(saved.shape("scale", 1)[0], saved.number("times"));
                                  }}};
  const LoadedModel loaded = load_model(path, builders);
  const Tensor x = uniform({5, 4}, "x");
  BOOST_TEST(test::same_bits((*loaded.model)(x).value(), model(x).value()));
  BOOST_CHECK_EXCEPTION(load_model(path), CheckpointError,
                        test::speaks_of(path.string(), "layer '1' (scaled)", "'scaled' is unknown", "known: activation",
                                        "tree-fff", "load_weights"));
  save(Own(), path);
  BOOST_CHECK_EXCEPTION(load_model(path), CheckpointError, test::speaks_of("'custom' is unknown", "load_weights"));
  Own filled;
  load_weights(filled, path);
  BOOST_CHECK_THROW(save(Own(), path, {}, {{"architecture", "mine"}}), ConfigError);
}

BOOST_AUTO_TEST_CASE(damaged_descriptions_are_named) {
  const TemporaryFolder folder;
  const auto path = folder / "bad.safetensors";
  manual_seed(7);
  nn::Sequential model;
  model.add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 3, .outputs = 2, .depth = 1});
  std::string deep = R"([{"architecture":"sequential"}])";
  for (int i = 0; i < 1000; ++i) deep = R"([{"architecture":"sequential","layers":)" + deep + "}]";
  struct Case {
    std::string layers;
    const char* part;
  };
  const Case cases[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"{}", "must be a list"},
      {"[1]", "an object with an 'architecture'"},
      {"[{}]", "an object with an 'architecture'"},
      {R"([{"architecture":1}])", "'architecture' of a layer must be a text"},
      {R"([{"architecture":"tree-fff","depth":1}])", "'depth' of a layer must be a text"},
      {R"([{"architecture":"tree-fff","trees":"1"}])", "layer '0' (tree-fff): the metadata 'depth' is missing"},
      {R"([{"architecture":"tree-fff","trees":"1","depth":"x"}])", "whole number, not 'x'"},
      {R"([{"architecture":"tree-fff","trees":"1","depth":"2"}])", "not those of 1 trees of depth 2"},
      {R"([{"architecture":"linear"}])", "layer '0' (linear): the tensor '0.weight' is missing"},
      {R"([{"architecture":"dropout","probability":"high"}])", "must be a number, not 'high'"},
      {R"([{"architecture":"dropout","probability":"1"}])", "Dropout"},
      {"[]", "unexpected '0.linear_in.weight'"},
      {deep, "deeper than"},
  };
  for (const Case& each : cases) {
    BOOST_TEST_CONTEXT(each.layers.substr(0, 80)) {
      write_safetensors(
          path, {.metadata = {{"architecture", "sequential"}, {"layers", each.layers}}, .tensors = model.state_dict()});
      BOOST_CHECK_EXCEPTION(load_model(path), CheckpointError, test::speaks_of(path.string(), each.part));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
