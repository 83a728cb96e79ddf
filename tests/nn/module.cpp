#include <canopy/nn/module.hpp>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/fff.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(module)

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Pair : nn::Module {
  nn::Linear first{{.inputs = 3, .outputs = 2}};
  nn::FeedForward second{{.inputs = 2, .width = 4, .outputs = 1}};
  Pair() {
    add_module("first", first);
    add_module("second", second);
    add_buffer("count", Tensor({2}, 5.f), true);
    add_buffer("scratch", Tensor({2}, 6.f), false);
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(names_come_from_the_path_of_modules) {
  const Pair model;
  std::vector<std::string> names;
  for (const nn::NamedVariable& entry : model.named_parameters()) names.push_back(entry.name);
  const std::vector<std::string> expected = {"first.weight",  "first.bias",      "second.0.weight",
                                             "second.0.bias", "second.2.weight", "second.2.bias"};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  for (const nn::NamedVariable& entry : model.named_parameters()) BOOST_TEST(entry.variable.name() == entry.name);
  BOOST_TEST(model.named_buffers().size() == 2u);
  BOOST_TEST(model.parameter_count() == 3 * 2 + 2 + 2 * 4 + 4 + 4 + 1);
}

BOOST_AUTO_TEST_CASE(state_dictionaries_copy_both_ways) {
  Pair model;
  const nn::StateDict before = model.state_dict();
  BOOST_TEST(before.contains("count"));
  BOOST_TEST(!before.contains("scratch"));
  for (Variable& p : model.parameters()) std::ranges::fill(p.mutable_value().mutable_elements(), 1.f);
  BOOST_TEST(before.at("first.weight").data()[0] != 1.f);  // a copy, not a handle
  model.load_state_dict(before);
  BOOST_TEST(model.first.weight().value().data()[0] == before.at("first.weight").data()[0]);
}

BOOST_AUTO_TEST_CASE(a_state_that_does_not_fit_names_every_entry_and_changes_nothing) {
  Pair model;
  nn::StateDict state = model.state_dict();
  state.erase("first.bias");
  state["first.weight"] = Tensor({3, 3}, 0.f);
  state["stranger"] = Tensor({1}, 0.f);
  std::ranges::fill(state["second.0.bias"].mutable_elements(), 9.f);
  try {
    model.load_state_dict(state);
    BOOST_FAIL("accepted");
  } catch (const CheckpointError& error) {
    const std::string text = error.what();
    BOOST_TEST(contains(text, "missing 'first.bias' [2]"));
    BOOST_TEST(contains(text, "'first.weight' has the shape [3, 3] where the model has [2, 3]"));
    BOOST_TEST(contains(text, "unexpected 'stranger' [1]"));
  }
  BOOST_TEST(model.state_dict().at("second.0.bias").data()[0] != 9.f);
}

BOOST_AUTO_TEST_CASE(modes_reach_submodules) {
  Pair model;
  BOOST_TEST(model.second.is_training());
  model.eval();
  BOOST_TEST(!model.second.is_training());
  model.train();
  BOOST_TEST(model.first.is_training());
}

BOOST_AUTO_TEST_CASE(summary_shows_shapes_counts_and_bytes) {
  nn::FFF fff({.inputs = 784, .outputs = 10, .depth = 4, .leaf_width = 8});
  fff.freeze_tree();
  const std::string text = fff.summary();
  BOOST_TEST(contains(text, "w1s"));
  BOOST_TEST(contains(text, "[16, 784, 8]"));
  BOOST_TEST(contains(text, "392.0 KiB"));
  BOOST_TEST(contains(text, "frozen"));
  BOOST_TEST(contains(text, std::to_string(fff.parameter_count())));
}

BOOST_AUTO_TEST_CASE(sequential_runs_its_layers_in_order) {
  manual_seed(1);
  nn::Sequential model;
  model.add<nn::Linear>({.inputs = 5, .outputs = 4, .activation = Activation::relu});
  model.add<nn::Dropout>({.probability = 0.5f});
  const auto& last = model.add<nn::Linear>({.inputs = 4, .outputs = 2});
  BOOST_TEST(&last == &model[2]);
  BOOST_TEST(model.named_parameters().front().name == "0.weight");
  BOOST_TEST(model.named_parameters().back().name == "2.bias");
  model.eval();
  const Tensor x({3, 5}, 0.5f);
  const Tensor y = model(x).value();
  const Tensor expected = model[2](model[0](x)).value();
  BOOST_CHECK(std::ranges::equal(y.elements(), expected.elements()));
  BOOST_CHECK((y.shape() == Shape{3, 2}));
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense) {
  BOOST_CHECK_THROW(nn::Linear({.inputs = 0, .outputs = 1}), ConfigError);
  BOOST_CHECK_THROW(nn::Dropout({.probability = 1.f}), ConfigError);
  BOOST_CHECK_THROW(nn::Dropout({.probability = -0.1f}), ConfigError);
  BOOST_CHECK_THROW(nn::FFF({.inputs = 4, .outputs = 2, .depth = -1, .leaf_width = 1}), ConfigError);
  BOOST_CHECK_THROW(nn::FFF({.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 0}), ConfigError);
  BOOST_CHECK_THROW(nn::FFF({.inputs = 4, .outputs = 2, .depth = 1, .leaf_width = 1, .region_leak = 1.f}), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
