#include <canopy/nn/checkpoint.hpp>

#include <cmath>
#include <filesystem>

#include <unistd.h>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/fff.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(checkpoint)

namespace {

struct TemporaryFolder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("canopy-checkpoint-" + std::to_string(::getpid()));
  TemporaryFolder() { std::filesystem::create_directories(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

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
    save(*model, folder.path / "model.safetensors", {.dataset = "mnist", .input_normalisation = "x/255"});
    const LoadedClassifier loaded = load_classifier(folder.path / "model.safetensors");
    check_same_answers(*model, x, *loaded.model, x, 0);
    BOOST_TEST(loaded.metadata.at("dataset") == "mnist");
    BOOST_TEST(loaded.metadata.at("input_normalisation") == "x/255");
    BOOST_TEST(!loaded.model->is_training());
  }
}

BOOST_AUTO_TEST_CASE(metadata_and_layout_are_those_of_the_released_files) {
  manual_seed(2);
  const nn::FFF fff({.inputs = 6, .outputs = 2, .depth = 2, .leaf_width = 3});
  const ClassifierState state = classifier_state(fff, {});
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
    save(*model, folder.path / "model.safetensors", {.input = {.offset = mean, .scale = Tensor::scalar(scale)}});
    const LoadedClassifier loaded = load_classifier(folder.path / "model.safetensors");
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
    save(*model, folder.path / "model.safetensors", {.input = columns});
    const LoadedClassifier loaded = load_classifier(folder.path / "model.safetensors");
    check_same_answers(*model, columns.apply(raw), *loaded.model, raw, 1e-5);
    BOOST_TEST(!loaded.metadata.contains("input_normalisation"));
    const Standardisation larger{.offset = uniform({21}, "mean")};
    BOOST_CHECK_THROW(save(*model, folder.path / "other.safetensors", {.input = larger}), ShapeError);
  }
}

BOOST_AUTO_TEST_CASE(training_state_beside_the_classifier_is_left_out) {
  const TemporaryFolder folder;
  manual_seed(4);
  nn::FeedForward ff({.inputs = 3, .width = 2, .outputs = 2});
  ClassifierState state = classifier_state(ff, {});
  state.tensors["training.optimizer.0"] = Tensor({3}, 1.f);
  write_safetensors(folder.path / "a.safetensors",
                    {.metadata = state.metadata, .tensors = state.tensors, .indices = {}});
  BOOST_CHECK_NO_THROW(load_classifier(folder.path / "a.safetensors"));
}

BOOST_AUTO_TEST_CASE(what_is_no_classifier_is_refused_by_name) {
  const TemporaryFolder folder;
  const auto refuse = [&](std::map<std::string, std::string> metadata, nn::StateDict tensors, const std::string& part) {
    const auto path = folder.path / "bad.safetensors";
    write_safetensors(path, {.metadata = std::move(metadata), .tensors = std::move(tensors), .indices = {}});
    try {
      load_classifier(path);
      BOOST_ERROR("accepted: " + part);
    } catch (const CheckpointError& error) {
      const std::string text = error.what();
      BOOST_TEST(text.find("bad.safetensors") != std::string::npos);
      BOOST_TEST(text.find(part) != std::string::npos, text);
    }
  };
  manual_seed(5);
  const ClassifierState good = classifier_state(nn::FFF({.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 1}), {});
  refuse({{"architecture", "transformer"}}, good.tensors, "transformer");
  refuse({}, {{"x", Tensor({1}, 0.f)}}, "'w1s' is missing");
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
  BOOST_CHECK_THROW(load_classifier(folder.path / "absent.safetensors"), Error);
}

BOOST_AUTO_TEST_SUITE_END()
