// Agreement with PyTorch: activations, soft-max, layer norm, cross-entropy.
#include <functional>
#include <map>

#include <canopy/autograd/activations.hpp>
#include <canopy/autograd/layer_norm.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>

#include "support/reference.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(reference_pointwise)

namespace {

// Gradients of sum(y * dy).
void backward(Tape& tape, const Variable& y, const Tensor& upstream) {
  tape.backward(record("sum(y * dy)", {y}, Tensor::scalar(0.f), keep(),
                       [dy = y.sink(), upstream](const Tensor&) { dy.accumulate(upstream); }));
}

}  // namespace

BOOST_AUTO_TEST_CASE(activations_and_soft_maxes) {
  const std::map<std::string, std::function<Variable(const Variable&)>> operations = {
      {"relu", [](const Variable& x) { return relu(x); }},
      {"gelu", [](const Variable& x) { return gelu(x); }},
      {"sigmoid", [](const Variable& x) { return sigmoid(x); }},
      {"tanh", [](const Variable& x) { return canopy::tanh(x); }},
      {"softplus", [](const Variable& x) { return softplus(x); }},
      {"softmax", [](const Variable& x) { return softmax(x); }},
      {"log_softmax", [](const Variable& x) { return log_softmax(x); }},
  };
  for_each_reference("pointwise_", [&](const Safetensors& file, const std::string& name) {
    for (const auto& [operation, f] : operations) {
      const Variable x = Variable::parameter(file.tensors.at("x"), "x");
      Tape tape;
      const Variable y = f(x);
      backward(tape, y, file.tensors.at("dy"));
      check_close(y.value(), file.tensors.at(operation + ".y"), 1e-4, name + " " + operation);
      check_close(x.grad(), file.tensors.at(operation + ".grad.x"), operation == "softplus" ? 1e-3 : 1e-4,
                  name + " gradient of " + operation);
    }
  });
}

BOOST_AUTO_TEST_CASE(gelu_at_its_edges) {
  for_each_reference("gelu_", [&](const Safetensors& file, const std::string& name) {
    for (const std::string key : {"gelu", "gelu_tanh", "edge.gelu", "edge.gelu_tanh"}) {
      const std::string part = key.starts_with("edge.") ? "edge." : "";
      const Variable x = Variable::parameter(file.tensors.at(part + "x"), "x");
      Tape tape;
      const Variable y = key.ends_with("_tanh") ? gelu_tanh(x) : gelu(x);
      backward(tape, y, file.tensors.at(part + "dy"));
      check_close(y.value(), file.tensors.at(key + ".y"), 1e-6, name + " " + key);
      check_close(x.grad(), file.tensors.at(key + ".grad.x"), 1e-6, name + " gradient of " + key);
    }
  });
}

BOOST_AUTO_TEST_CASE(layer_norms) {
  for_each_reference("pointwise_", [](const Safetensors& file, const std::string& name) {
    const Variable x = Variable::parameter(file.tensors.at("x"), "x");
    const Variable weight = Variable::parameter(file.tensors.at("layer_norm.weight"), "weight");
    const Variable bias = Variable::parameter(file.tensors.at("layer_norm.bias"), "bias");
    Tape tape;
    const Variable y = canopy::layer_norm(x, weight, bias, 1e-5f);
    backward(tape, y, file.tensors.at("dy"));
    check_close(y.value(), file.tensors.at("layer_norm.y"), 1e-4, name + " layer_norm");
    check_close(x.grad(), file.tensors.at("layer_norm.grad.x"), 1e-4, name + " layer_norm grad.x");
    check_close(weight.grad(), file.tensors.at("layer_norm.grad.weight"), 1e-4, name + " layer_norm grad.weight");
    check_close(bias.grad(), file.tensors.at("layer_norm.grad.bias"), 1e-4, name + " layer_norm grad.bias");
  });
}

BOOST_AUTO_TEST_CASE(cross_entropies) {
  for_each_reference("pointwise_", [](const Safetensors& file, const std::string& name) {
    const Indices& labels = file.indices.at("cross_entropy.labels");
    const auto check = [&](const std::string& key, float smoothing) {
      const Variable x = Variable::parameter(file.tensors.at("x"), "x");
      Tape tape;
      const Variable loss = cross_entropy(x, labels, {.label_smoothing = smoothing, .ignore_index = -100});
      check_close(loss.value(), file.tensors.at(key + ".y"), 1e-4, name + " " + key);
      tape.backward(loss);
      check_close(x.grad(), file.tensors.at(key + ".grad.x"), 1e-4, name + " gradient of " + key);
    };
    check("cross_entropy", 0.f);
    check("cross_entropy_smooth0.1", 0.1f);
  });
}

BOOST_AUTO_TEST_SUITE_END()
