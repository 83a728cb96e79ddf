#include <canopy/nn/module.hpp>

#include <cmath>

#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/sequential.hpp>
#include <canopy/optim/clip.hpp>
#include <canopy/optim/sgd.hpp>

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

// Whether parts are put together from within or from without, all know their full names.
BOOST_AUTO_TEST_CASE(modules_and_parameters_know_their_full_names) {
  struct Late : nn::Layer {
    void grow() { add_parameter("late", Tensor({1}, 0.f)); }
    Variable forward(const Variable& x) const override { return x; }
  };
  struct Model : nn::Module {
    nn::Sequential before, after;
    Model() {
      before.add<nn::FeedForward>(nn::FeedForwardOptions{.inputs = 2, .width = 3, .outputs = 1});
      before.add<Late>().grow();
      add_module("before", before);
      add_module("after", after);
      after.add<nn::FeedForward>(nn::FeedForwardOptions{.inputs = 2, .width = 3, .outputs = 1});
      after.add<Late>().grow();
    }
  };
  struct Outer : nn::Module {
    Model inner;
    Outer() { add_module("inner", inner); }
  };
  Outer outer;
  outer.inner.after.add<Late>().grow();
  std::vector<std::string> names;
  outer.for_each_module([&](nn::Module& module) { names.push_back(module.name()); });
  const std::vector<std::string> expected = {"",
                                             "inner",
                                             "inner.before",
                                             "inner.before.0",
                                             "inner.before.0.0",
                                             "inner.before.0.2",
                                             "inner.before.1",
                                             "inner.after",
                                             "inner.after.0",
                                             "inner.after.0.0",
                                             "inner.after.0.2",
                                             "inner.after.1",
                                             "inner.after.2"};
  std::erase_if(names, [](const std::string& name) { return name.ends_with(".dropout"); });
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  for (const nn::NamedVariable& entry : outer.named_parameters()) BOOST_TEST(entry.variable.name() == entry.name);
  BOOST_TEST(outer.named_parameters().back().name == "inner.after.2.late");
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

namespace {

// An encoder and a decoder over one matrix, and a layer used twice.
struct Tied : nn::Module {
  nn::Linear embedding{{.inputs = 3, .outputs = 4, .bias = false}};
  nn::Parameters decoder;
  nn::FeedForward twice{{.inputs = 3, .width = 2, .outputs = 3}};
  Tied() {
    decoder.add_parameter("bias", Tensor({4}, 0.f));
    decoder.add_parameter("weight", embedding.weight());
    add_module("embedding", embedding);
    add_module("decoder", decoder);
    add_module("first", twice);
    add_module("second", twice);
    add_buffer("count", Tensor({1}, 0.f), true);
  }
};

std::vector<std::string> names_of(const std::vector<nn::NamedVariable>& list) {
  std::vector<std::string> names;
  for (const nn::NamedVariable& entry : list) names.push_back(entry.name);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tied_parameters_are_one_under_their_first_name) {
  const Tied model;
  const std::vector<std::string> expected = {"embedding.weight", "decoder.bias",   "first.0.weight",
                                             "first.0.bias",     "first.2.weight", "first.2.bias"};
  BOOST_TEST(names_of(model.named_parameters()) == expected, boost::test_tools::per_element());
  for (const nn::NamedVariable& entry : model.named_parameters()) BOOST_TEST(entry.variable.name() == entry.name);
  BOOST_TEST(model.named_parameters().front().aliases == std::vector<std::string>{"decoder.weight"},
             boost::test_tools::per_element());
  BOOST_TEST(model.named_parameters()[3].aliases == std::vector<std::string>{"second.0.bias"},
             boost::test_tools::per_element());
  BOOST_TEST(model.parameters().size() == 6u);
  BOOST_TEST(model.parameter_count() == 12 + 4 + 2 * 3 + 2 + 3 * 2 + 3);
  BOOST_TEST(model.state_dict().size() == 7u);
  const std::string text = model.summary();
  BOOST_TEST(contains(text, "tied to embedding.weight"));
  BOOST_TEST(contains(text, "second.2.bias"));
}

BOOST_AUTO_TEST_CASE(tied_parameters_are_clipped_and_stepped_once) {
  struct Twice : nn::Layer {
    nn::Linear a{{.inputs = 3, .outputs = 3}};
    Twice() {
      add_module("first", a);
      add_module("second", a);
    }
    Variable forward(const Variable& x) const override { return a(a(x)); }
  };
  manual_seed(2);
  Twice model;
  optim::SGD optimizer(model.parameters(), {.learning_rate = 1.});
  {
    Tape tape;
    tape.backward(sum(model(Tensor({2, 3}, 5.f))));
  }
  double squares = 0;
  for (const float g : model.a.weight().grad().elements()) squares += static_cast<double>(g) * g;
  for (const float g : model.a.bias().grad().elements()) squares += static_cast<double>(g) * g;
  BOOST_TEST(optim::clip_grad_norm(model.parameters(), 1.) == std::sqrt(squares), boost::test_tools::tolerance(1e-5));
  const float before = model.a.bias().value().data()[0], slope = model.a.bias().grad().data()[0];
  optimizer.step();
  BOOST_TEST(model.a.bias().value().data()[0] == before - slope, boost::test_tools::tolerance(1e-6f));
}

BOOST_AUTO_TEST_CASE(buffers_of_a_shared_module_are_listed_once) {
  struct Counter : nn::Module {
    Counter() { add_buffer("count", Tensor({1}, 3.f), true); }
  } counter;
  struct Twice : nn::Module {
    explicit Twice(Module& part) {
      add_module("a", part);
      add_module("b", part);
    }
  } model(counter);
  BOOST_TEST(names_of(model.named_buffers()) == std::vector<std::string>{"a.count"}, boost::test_tools::per_element());
  BOOST_TEST(model.state_dict().size() == 1u);
  model.load_state_dict({{"b.count", Tensor({1}, 4.f)}});
  BOOST_TEST(model.state_dict().at("a.count").item() == 4.f);
}

BOOST_AUTO_TEST_CASE(a_tied_parameter_is_loaded_from_any_of_its_names) {
  Tied model;
  const nn::StateDict state = model.state_dict();
  const Tensor other({4, 3}, 9.f);
  const auto load = [&](const std::map<std::string, Tensor>& changes, bool keep_first) {
    nn::StateDict changed = state;
    if (!keep_first) changed.erase("embedding.weight");
    for (const auto& [name, tensor] : changes) changed.insert_or_assign(name, tensor);
    model.load_state_dict(changed);
    return model.embedding.weight().value().data()[0];
  };
  BOOST_TEST(load({{"decoder.weight", other}}, false) == 9.f);
  BOOST_TEST(load({}, true) == state.at("embedding.weight").data()[0]);
  BOOST_TEST(load({{"decoder.weight", other}, {"embedding.weight", other.clone()}}, true) == 9.f);
  BOOST_TEST(load({}, true) != 9.f);
  const auto refused = [&](const auto& changes, bool keep_first, const char* part) {
    BOOST_CHECK_EXCEPTION(load(changes, keep_first), CheckpointError,
                          [&](const CheckpointError& error) { return contains(error.what(), part); });
    BOOST_TEST(model.embedding.weight().value().data()[0] == state.at("embedding.weight").data()[0]);
  };
  using Changes = std::map<std::string, Tensor>;
  refused(Changes{{"decoder.weight", other}}, true, "'embedding.weight' and 'decoder.weight' are one parameter");
  refused(Changes{}, false, "missing 'embedding.weight' [4, 3]");
  refused(Changes{{"decoder.weight", Tensor({3, 4}, 0.f)}}, false, "'decoder.weight' has the shape [3, 4]");
}

BOOST_AUTO_TEST_CASE(names_that_would_be_lost_are_refused) {
  struct Open : nn::Module {
    using Module::add_buffer;
    using Module::add_module;
    using Module::add_parameter;
  } model, other;
  model.add_parameter("p", Tensor({1}, 0.f));
  model.add_buffer("b", Tensor({1}, 0.f), false);
  model.add_module("m", other);
  struct Case {
    const char* name;
    const char* part;
  };
  for (const Case& each : {Case{"p", "'p' is taken"}, Case{"b", "'b' is taken"}, Case{"m", "'m' is taken"},
                           Case{"", "empty"}, Case{"m.p", "'m.p' has a dot"}, Case{".", "'.' has a dot"}}) {
    const auto right = [&](const ConfigError& error) { return contains(error.what(), each.part); };
    Open third;
    BOOST_CHECK_EXCEPTION(model.add_parameter(each.name, Tensor({1}, 0.f)), ConfigError, right);
    BOOST_CHECK_EXCEPTION(model.add_parameter(each.name, model.parameters().front()), ConfigError, right);
    BOOST_CHECK_EXCEPTION(model.add_buffer(each.name, Tensor({1}, 0.f), true), ConfigError, right);
    BOOST_CHECK_EXCEPTION(model.add_module(each.name, third), ConfigError, right);
  }
  BOOST_CHECK_THROW(model.add_parameter("constant", Variable(Tensor({1}, 0.f))), ConfigError);
  BOOST_CHECK_THROW(model.add_parameter("undefined", Variable()), ConfigError);
  BOOST_CHECK_THROW(other.add_module("ring", model), ConfigError);
  BOOST_CHECK_THROW(other.add_module("self", other), ConfigError);
  BOOST_TEST(model.named_parameters().size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
