// Agreement with the released layer of paper 1.
#include <string>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/routing_losses.hpp>

#include "support/reference.hpp"
#include "support/routing.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(reference_fff)

BOOST_AUTO_TEST_CASE(soft_trees) {
  for_each_reference("fff_soft_", [](const Safetensors& file, const std::string& name) {
    const auto number = [&](const char* key) { return std::stoi(file.metadata.at(key)); };
    nn::FFF model({.inputs = number("input_width"),
                   .outputs = number("output_width"),
                   .depth = number("depth"),
                   .leaf_width = number("leaf_width"),
                   .activation = activation_from_string(file.metadata.at("activation"))});
    nn::StateDict state;
    for (const char* key : {"node_weights", "node_biases", "w1s", "b1s", "w2s", "b2s"})
      state[key] = file.tensors.at(key);
    model.load_state_dict(state);

    const Variable x = Variable::parameter(file.tensors.at("x"), "x");
    const Tensor& upstream = file.tensors.at("dy");
    Tape tape;
    const nn::RoutingTrace trace;
    const Variable y = model(x);
    check_close(y.value(), file.tensors.at("y"), 1e-4, name + " y");

    // sum(y * dy) + hardening * sum over nodes of the mean entropy over the batch
    double sum = 0;
    for (std::int64_t i = 0; i < y.size(); ++i) sum += static_cast<double>(y.value().data()[i]) * upstream.data()[i];
    const Variable product = record("sum(y * dy)", {y}, Tensor::scalar(static_cast<float>(sum)), keep(),
                                    [dy = y.sink(), upstream](const Tensor&) { dy.accumulate(upstream); });
    const Variable hardening = nn::hardening_loss(trace, {.weighting = nn::EntropyWeighting::node_sum});
    const float h = std::stof(file.metadata.at("hardening"));
    const Variable loss =
        record("add", {product, hardening}, Tensor::scalar(product.value().item() + h * hardening.value().item()),
               keep(), [a = product.sink(), b = hardening.sink(), h](const Tensor& dy) {
                 a.accumulate(dy);
                 b.accumulate(Tensor(dy.shape(), h * dy.item()));
               });
    check_close(nn::node_entropies(decided<nn::TreeDecisions>(trace, model)), file.tensors.at("entropies"), 1e-4,
                name + " entropies");
    tape.backward(loss);

    check_close(x.grad(), file.tensors.at("grad.x"), 1e-4, name + " grad.x");
    for (nn::NamedVariable& entry : model.named_parameters()) {
      Variable& v = entry.variable;
      if (v.size() == 0) continue;
      std::copy_n(v.grad().data(), v.size(), v.mutable_value().mutable_data());
    }
    // Through the state dictionary, so that gradients have the layouts of the files.
    for (const auto& [key, gradient] : model.state_dict()) {
      check_close(gradient, file.tensors.at("grad." + key), 1e-4, name + " grad." + key);
    }

    model.load_state_dict(state);
    model.eval();
    check_close(model(x).value(), file.tensors.at("y_hard"), 1e-4, name + " y_hard");
  });
}

BOOST_AUTO_TEST_CASE(balanced_trees_and_the_master_leaf) {
  for_each_reference("fff_balanced_", [](const Safetensors& file, const std::string& name) {
    const auto number = [&](const char* key) { return std::stoi(file.metadata.at(key)); };
    nn::FFF model({.inputs = number("input_width"),
                   .outputs = number("output_width"),
                   .depth = number("depth"),
                   .leaf_width = number("leaf_width"),
                   .activation = activation_from_string(file.metadata.at("activation")),
                   .master_leaf_width = number("master_leaf_width")});
    nn::StateDict state;
    for (const auto& [key, value] : model.state_dict()) state[key] = file.tensors.at(key);
    model.load_state_dict(state);

    const Variable x = Variable::parameter(file.tensors.at("x"), "x");
    Tape tape;
    const nn::RoutingTrace trace;
    const Variable y = model(x);
    const Variable balance = nn::load_balance_loss(trace, {.form = nn::BalanceForm::frequency});
    check_close(y.value(), file.tensors.at("y"), 1e-4, name + " y");
    check_close(decided<nn::TreeDecisions>(trace, model).path.value(), file.tensors.at("path_probability"), 1e-4,
                name + " paths");
    check_close(balance.value().reshape({1}), file.tensors.at("load_balance_loss"), 1e-4, name + " balance");
    tape.backward(sum(y * file.tensors.at("dy")) + std::stof(file.metadata.at("balance")) * balance);

    check_close(x.grad(), file.tensors.at("grad.x"), 1e-4, name + " grad.x");
    for (nn::NamedVariable& entry : model.named_parameters()) {
      Variable& v = entry.variable;
      std::copy_n(v.grad().data(), v.size(), v.mutable_value().mutable_data());
    }
    for (const auto& [key, gradient] : model.state_dict()) {
      check_close(gradient, file.tensors.at("grad." + key), 1e-4, name + " grad." + key);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
