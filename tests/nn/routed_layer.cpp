#include <canopy/nn/routed/routed_layer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/routing_losses.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"
#include "support/normal.hpp"
#include "support/routing.hpp"
#include "support/same_bits.hpp"

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(routed_layer)

namespace {

constexpr std::int64_t inputs = 7, outputs = 5;

struct Case {
  std::string name;
  std::function<std::unique_ptr<nn::RoutedLayer>()> make;
};

// Every layer in each of its ways to compute.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Routing routing : every_routing) {
    for (const nn::LossNodes nodes : {nn::LossNodes::path, nn::LossNodes::all}) {
      for (const std::int64_t master : {0, 3}) {
        all.push_back({"FFF", [=] {
                         auto layer = std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = inputs,
                                                                               .outputs = outputs,
                                                                               .depth = 3,
                                                                               .leaf_width = 2,
                                                                               .dropout = 0.2f,
                                                                               .region_leak = 0.1f,
                                                                               .loss_nodes = nodes,
                                                                               .master_leaf_width = master});
                         layer->set_routing(routing);
                         return layer;
                       }});
      }
    }
  }
  for (const int depth : {2, 4}) {
    all.push_back({"TreeFFF", [=] {
                     return std::make_unique<nn::TreeFFF>(
                         nn::TreeFFFOptions{.inputs = inputs, .outputs = outputs, .trees = 2, .depth = depth});
                   }});
  }
  for (const std::int64_t k : {1, 2}) {
    for (const bool noise : {false, true}) {
      all.push_back(
          {"MoE", [=] {
             return std::make_unique<nn::MoE>(nn::MoEOptions{
                 .inputs = inputs, .outputs = outputs, .experts = 4, .expert_width = 3, .k = k, .noise = noise});
           }});
    }
  }
  return all;
}

const std::vector<Shape> shapes = {{inputs},          {1, inputs}, {6, inputs},   {3, 4, inputs},
                                   {2, 3, 4, inputs}, {0, inputs}, {2, 0, inputs}};

// y and, on a tape, the gradients of x and all parameters; each as rows.
std::vector<Tensor> step(nn::RoutedLayer& layer, const Tensor& input, bool record) {
  manual_seed(5);  // the same dropout, leak and noise
  layer.zero_grad();
  if (!record) return {layer(input).value()};
  const Variable x = Variable::parameter(input, "x");
  Tape tape;
  const Variable y = layer(x);
  tape.backward(sum(y * normal({y.size() / outputs, outputs}, "dy").reshape(y.shape())));
  std::vector<Tensor> all = {y.value()};
  if (x.has_grad()) all.push_back(x.grad());
  for (const Variable& p : layer.parameters()) {
    if (p.has_grad()) all.push_back(p.grad().clone());
  }
  return all;
}

// The same bits as of rows; what has the extents of the input has them in the answer.
void check_same(const std::vector<Tensor>& found, const std::vector<Tensor>& rows, const Shape& shape,
                const std::string& what) {
  BOOST_TEST_REQUIRE(found.size() == rows.size(), what);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Shape expected = i == 0 ? shape.with(-1, outputs) : i == 1 ? shape : rows[i].shape();
    BOOST_TEST(found[i].shape() == expected, what << ", " << i);
    BOOST_TEST(same_bits(found[i].reshape(rows[i].shape()), rows[i]), what << ", " << i);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(any_number_of_axes_is_rows_of_the_last) {
  for (const Case& each : cases()) {
    manual_seed(4);
    const auto layer = each.make();
    for (const Shape& shape : shapes) {
      const Tensor rows = normal({shape.without(-1).size(), inputs}), x = rows.reshape(shape);
      const std::string what = each.name + " " + shape.to_string();
      for (const bool training : {true, false}) {
        training ? layer->train() : layer->eval();
        for (const bool record : {false, true}) {
          check_same(step(*layer, x, record), step(*layer, rows, record), shape, what);
        }
      }
      const nn::RoutingTrace trace({.inputs = true});
      layer->forward(x);
      BOOST_TEST(trace.at(*layer).rows() == rows.extent(0));
      BOOST_TEST(trace.at(*layer).inputs.shape() == rows.shape());
    }
  }
}

BOOST_AUTO_TEST_CASE(inference_takes_any_number_of_axes) {
  manual_seed(6);
  const nn::FFF tree({.inputs = inputs, .outputs = outputs, .depth = 3, .leaf_width = 2});
  const nn::FFF mixed({.inputs = inputs, .outputs = outputs, .depth = 3, .leaf_width = 2, .master_leaf_width = 3});
  const nn::TreeFFF forest({.inputs = inputs, .outputs = outputs, .trees = 2, .depth = 4});
  const nn::MoE moe({.inputs = inputs, .outputs = outputs, .experts = 4, .expert_width = 3, .k = 2});
  const nn::MoE silent({.inputs = inputs, .outputs = outputs, .experts = 4, .expert_width = 3, .noise = false});
  for (const Shape& shape : shapes) {
    const std::int64_t n = shape.without(-1).size();
    const Tensor rows = normal({n, inputs}), x = rows.reshape(shape), noise = normal({n, 4}, "noise");
    const auto check = [&](const Tensor& y, const Tensor& expected) {
      check_same({y}, {expected}, shape, "inference");
    };
    for (const nn::FFF* layer : {&tree, &mixed}) {
      check(layer->infer(x).y, layer->infer(rows).y);
      BOOST_TEST(same_bits(layer->infer(x).leaf, layer->infer(rows).leaf));
      check(layer->forward_soft(x).value(), layer->forward_soft(rows).value());
    }
    check(forest.infer(x).y, forest.infer(rows).y);
    BOOST_TEST(same_bits(forest.infer(x).bottom, forest.infer(rows).bottom));
    check(moe.infer(x).y, moe.infer(rows).y);
    BOOST_TEST(same_bits(moe.infer(x).experts, moe.infer(rows).experts));
    check(moe.forward(x, noise).value(), moe.forward(rows, noise).value());
    check(silent.forward(x, Tensor()).value(), silent.forward(rows, Tensor()).value());
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_last_axis_is_named_with_the_layer) {
  nn::Sequential model;
  model.add<nn::Linear>(nn::LinearOptions{.inputs = 3, .outputs = 3});
  for (const Case& each : cases()) {
    const auto layer = each.make();
    for (const Shape& shape : {Shape{}, Shape{6}, Shape{7, 6}, Shape{2, 7, 8}}) {
      const Tensor x(shape, 0.f);
      BOOST_CHECK_EXCEPTION(layer->forward(x), ShapeError, speaks_of(each.name, "[..., 7]", shape.to_string()));
      layer->eval();
      BOOST_CHECK_EXCEPTION(layer->forward(x), ShapeError, speaks_of(each.name, "[..., 7]", shape.to_string()));
      layer->train();
    }
  }
  const Tensor x({2, 6}, 0.f);
  BOOST_CHECK_THROW(nn::FFF({.inputs = 7, .outputs = 1, .leaf_width = 1}).infer(x), ShapeError);
  BOOST_CHECK_THROW(nn::FFF({.inputs = 7, .outputs = 1, .leaf_width = 1}).forward_soft(x), ShapeError);
  BOOST_CHECK_THROW(nn::TreeFFF({.inputs = 7, .outputs = 1}).infer(x), ShapeError);
  BOOST_CHECK_THROW(nn::MoE({.inputs = 7, .outputs = 1, .experts = 2, .expert_width = 1}).infer(x), ShapeError);
  // Within a model, which of them.
  model.add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 4, .outputs = 3});
  BOOST_CHECK_EXCEPTION(model(Tensor({2, 3}, 0.f)), ShapeError, speaks_of("TreeFFF", "\"1\"", "[..., 4]", "[2, 3]"));
}

BOOST_AUTO_TEST_CASE(a_model_s_routed_layers_are_found_once_each) {
  struct Model : nn::Module {
    nn::FFF tree{{.inputs = 3, .outputs = 3, .depth = 2, .leaf_width = 1}};
    nn::Sequential rest;
    Model() {
      add_module("tree", tree);
      add_module("rest", rest);
      rest.add<nn::Linear>(nn::LinearOptions{.inputs = 3, .outputs = 3});
      rest.add<nn::MoE>(nn::MoEOptions{.inputs = 3, .outputs = 3, .experts = 2, .expert_width = 1});
      rest.add<nn::FFF>(nn::FFFOptions{.inputs = 3, .outputs = 3, .depth = 1, .leaf_width = 1});
      rest.add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = 3, .outputs = 3, .depth = 1});
      add_module("again", tree);
    }
  };
  Model model;
  const std::vector<nn::RoutedLayer*> layers = nn::routed_layers(model);
  std::vector<std::string> names;
  for (const nn::RoutedLayer* layer : layers) names.push_back(layer->name());
  const std::vector<std::string> expected = {"again", "rest.1", "rest.2", "rest.3"};
  BOOST_TEST(names == expected, boost::test_tools::per_element());
  BOOST_TEST(nn::routed_layers(std::as_const(model)).size() == 4u);
  const std::vector<nn::FFF*> trees = nn::soft_trees(model);
  BOOST_TEST_REQUIRE(trees.size() == 2u);
  BOOST_TEST(trees[0] == &model.tree);
  BOOST_TEST(trees[1] == layers[2]);
  BOOST_TEST(nn::routed_layers(static_cast<nn::Module&>(model.tree)).size() == 1u);
  nn::Linear none({.inputs = 3, .outputs = 3});
  BOOST_TEST(nn::routed_layers(none).empty());
  const std::vector<std::int64_t> branches = {4, 2, 2, 2};
  for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(layers[i]->branches() == branches[i]);
}

// A forward writes nothing to its layer: threads may train replicas beside each other and share one model, in training
// as in evaluation, each with a trace of its own.
BOOST_AUTO_TEST_CASE(four_threads_train_replicas_and_share_a_model) {
  const auto make = [] {
    auto model = std::make_unique<nn::Sequential>();
    for (const Routing routing : every_routing) {
      model->add<nn::FFF>(nn::FFFOptions{.inputs = inputs, .outputs = inputs, .depth = 3, .leaf_width = 2})
          .set_routing(routing);
    }
    model->add<nn::TreeFFF>(nn::TreeFFFOptions{.inputs = inputs, .outputs = inputs, .trees = 2, .depth = 4});
    model->add<nn::MoE>(
        nn::MoEOptions{.inputs = inputs, .outputs = inputs, .experts = 4, .expert_width = 3, .k = 2, .noise = false});
    return model;
  };
  const auto loss_of = [](const nn::RoutingTrace& trace, const Variable& y) {
    return sum(y * normal(y.shape(), "dy")) + nn::hardening_loss(trace) +
           nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency}) + nn::importance_loss(trace) +
           nn::load_loss(trace);
  };
  const auto train = [&](nn::Sequential& model, const Tensor& x) {
    std::vector<Tensor> all;
    for (int step = 0; step < 3; ++step) {
      model.zero_grad();
      Tape tape;
      const nn::RoutingTrace trace;
      const Variable y = model(x), loss = loss_of(trace, y);
      tape.backward(loss);
      all.insert(all.end(), {y.value(), loss.value()});
      for (Variable& p : model.parameters()) {
        if (!p.has_grad()) continue;
        float* value = p.mutable_value().mutable_data();
        for (std::int64_t i = 0; i < p.size(); ++i) value[i] -= 1e-2f * p.grad().data()[i];
        all.push_back(p.value().clone());
      }
    }
    return all;
  };
  const auto share = [&](const nn::Sequential& model, const Tensor& x) {
    std::vector<Tensor> all;
    for (int step = 0; step < 5; ++step) {
      Tape tape;
      const nn::RoutingTrace trace({.details = true});
      const Variable y = model(x);
      all.insert(all.end(), {y.value(), loss_of(trace, y).value()});
    }
    return all;
  };
  for (const bool training : {true, false}) {
    manual_seed(7);
    std::vector<std::unique_ptr<nn::Sequential>> replicas;
    for (int i = 0; i < 5; ++i) {
      replicas.push_back(make());
      replicas.back()->load_state_dict(replicas.front()->state_dict());
    }
    const auto shared = make();
    training ? shared->train() : shared->eval();
    std::vector<Tensor> x;
    for (std::size_t t = 0; t < 4; ++t) x.push_back(normal({20 + 5 * static_cast<std::int64_t>(t), inputs}));
    std::vector<std::vector<Tensor>> trained(4), answered(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        trained[t] = train(*replicas[t], x[t]);
        answered[t] = share(*shared, x[t]);
      });
    }
    for (std::thread& thread : threads) thread.join();
    const nn::StateDict start = replicas[4]->state_dict();
    for (std::size_t t = 0; t < 4; ++t) {
      replicas[4]->load_state_dict(start);
      const std::vector<Tensor> alone = train(*replicas[4], x[t]), answers = share(*shared, x[t]);
      BOOST_TEST_REQUIRE(trained[t].size() == alone.size());
      for (std::size_t i = 0; i < alone.size(); ++i) BOOST_TEST(same_bits(trained[t][i], alone[i]));
      for (std::size_t i = 0; i < answers.size(); ++i) BOOST_TEST(same_bits(answered[t][i], answers[i]));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
