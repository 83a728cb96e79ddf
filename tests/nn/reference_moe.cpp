// Agreement with the formulas of noisy top-k gating, computed by PyTorch.
#include <algorithm>
#include <cstdint>
#include <string>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/routing_losses.hpp>

#include "support/reference.hpp"
#include "support/routing.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(reference_moe)

namespace {

// Gates by expert, as the files have them.
Tensor dense_gates(const nn::GateDecisions& decisions, std::int64_t experts) {
  const std::int64_t k = decisions.chosen.extent(1);
  Tensor gates = Tensor::zeros({decisions.chosen.extent(0), experts});
  for (std::int64_t i = 0; i < decisions.chosen.size(); ++i) {
    gates.mutable_data()[i / k * experts + decisions.chosen.data()[i]] = decisions.gates.value().data()[i];
  }
  return gates;
}

}  // namespace

BOOST_AUTO_TEST_CASE(mixtures_with_given_noise) {
  for_each_reference("moe_", [](const Safetensors& file, const std::string& name) {
    const auto number = [&](const char* key) { return std::stoi(file.metadata.at(key)); };
    nn::MoE model({.inputs = number("input_width"),
                   .outputs = number("output_width"),
                   .experts = number("experts"),
                   .expert_width = number("expert_size"),
                   .k = number("k")});
    BOOST_REQUIRE(file.metadata.at("activation") == "ReLU");
    BOOST_REQUIRE(file.metadata.at("loss") == "sum(y*dy) + 0.1*importance_loss + 0.1*load_loss");
    nn::StateDict state;
    for (const auto& [key, value] : model.state_dict()) state[key] = file.tensors.at(key);
    model.load_state_dict(state);

    const Variable x = Variable::parameter(file.tensors.at("x"), "x");
    Tape tape;
    const nn::RoutingTrace trace;
    const Variable y = model.forward(x, file.tensors.at("noise"));
    const auto& decisions = decided<nn::GateDecisions>(trace, model);
    const Variable importance_loss = nn::importance_loss(trace), load_loss = nn::load_loss(trace);
    const auto check = [&](const Tensor& found, const char* key, double tolerance) {
      check_close(found, file.tensors.at(key), tolerance, name + " " + key);
    };
    check(y.value(), "y", 1e-4);
    check(dense_gates(decisions, model.options().experts), "gates", 1e-4);
    check(nn::expert_importance(decisions).value(), "importance", 1e-4);
    check(nn::expert_load(decisions).value(), "load", 1e-4);
    check(importance_loss.value().reshape({1}), "importance_loss", 1e-4);
    check(load_loss.value().reshape({1}), "load_loss", 1e-4);
    tape.backward(sum(y * file.tensors.at("dy")) + 0.1f * importance_loss + 0.1f * load_loss);

    check(x.grad(), "grad.x", 1e-3);
    for (nn::NamedVariable& entry : model.named_parameters()) {
      Variable& v = entry.variable;
      if (v.has_grad()) {
        std::copy_n(v.grad().data(), v.size(), v.mutable_value().mutable_data());
      } else {
        std::ranges::fill(v.mutable_value().mutable_elements(), 0.f);
      }
    }
    // Through the state dictionary, so that gradients have the layouts of the files.
    for (const auto& [key, gradient] : model.state_dict()) {
      const double tolerance = key == "w_gate" || key == "w_noise" ? 1e-3 : 1e-4;  // through soft-plus and Phi
      check_close(gradient, file.tensors.at("grad." + key), tolerance, name + " grad." + key);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
