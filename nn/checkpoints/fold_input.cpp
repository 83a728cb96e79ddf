#include <canopy/nn/checkpoints/fold_input.hpp>

#include <algorithm>
#include <map>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

// What reads the input, by architecture; some options leave some of it out.
const std::map<std::string, std::vector<InputWeights>>& known() {
  static const std::map<std::string, std::vector<InputWeights>> table = {
      {"ff", {{"0.weight", "0.bias"}}},
      {"fff", {{"node_weights", "node_biases"}, {"w1s", "b1s"}, {"master_w1", "master_b1"}}},
      {"linear", {{"weight", "bias"}}},
      {"moe", {{"w_gate", "b_gate"}, {"w_noise", "b_noise"}, {"w1", "b1"}}},
      {"tree-fff", {{"linear_in.weight", "linear_in.bias"}}},
  };
  return table;
}

// Layers that hand an evaluation's input on as it is.
bool hands_on(const Architecture& layer) { return layer.name == "dropout" || layer.name == "identity"; }

// For weights [..., outputs, inputs] or, where the file has them transposed, [..., inputs, outputs].
void fold(Tensor& weight, Tensor& bias, FileLayout layout, const Standardisation& x) {
  const bool transposed = layout == FileLayout::transposed;
  const std::int64_t inputs = weight.extent(transposed ? -2 : -1);
  const std::int64_t columns = transposed ? weight.extent(-1) : 1;
  float* w = weight.mutable_data();
  float* b = bias.mutable_data();
  for (std::int64_t neuron = 0; neuron < bias.size(); ++neuron) {
    float* first = w + neuron / columns * inputs * columns + neuron % columns;
    double shift = 0;
    for (std::int64_t i = 0; i < inputs; ++i) {
      float& value = first[i * columns];
      value *= x.scale_of(i);
      shift += static_cast<double>(value) * x.offset_of(i);
    }
    b[neuron] -= static_cast<float>(shift);
  }
}

}  // namespace

std::vector<InputWeights> input_weights(const Architecture& architecture) {
  if (architecture.name == "sequential") {
    const auto reads = std::ranges::find_if_not(architecture.layers, hands_on);
    if (reads != architecture.layers.end()) {
      std::vector<InputWeights> names = input_weights(*reads);
      const auto place = reads - architecture.layers.begin();
      for (InputWeights& each : names) {
        each = {fmt::format("{}.{}", place, each.weight), fmt::format("{}.{}", place, each.bias)};
      }
      return names;
    }
  } else if (const auto found = known().find(architecture.name); found != known().end()) {
    return found->second;
  }
  throw CheckpointError(fmt::format(
      "how the centring of the inputs is folded into the architecture '{}' is not known. Name what reads the input to "
      "nn::fold_input(), or write the weights as they are with save_weights(): the file's model then reads centred "
      "inputs",
      architecture.name));
}

void fold_input(StateDict& state, const Module& model, const std::vector<InputWeights>& read,
                const Standardisation& inputs) {
  if (inputs.identity()) return;
  const std::int64_t columns = std::max(inputs.offset.size(), inputs.scale.size());
  bool any = false;
  const std::vector<NamedVariable> parameters = model.named_parameters();
  for (const InputWeights& names : read) {
    const auto found = std::ranges::find(parameters, names.weight, &NamedVariable::name);
    if (found == parameters.end()) continue;
    any = true;
    const int axis = found->layout == FileLayout::transposed ? -2 : -1;
    Tensor& weight = state.at(names.weight);
    const bool one_for_all = inputs.offset.empty() && inputs.scale.size() == 1;
    if (!one_for_all && columns != weight.extent(axis)) {
      throw ShapeError(fmt::format("fold_input: the data set's inputs have {} values, the model's '{}' {} reads {}",
                                   columns, names.weight, weight.shape().to_string(), weight.extent(axis)));
    }
    inputs.check(weight.extent(axis));
    const auto bias_of = std::ranges::find(parameters, names.bias, &NamedVariable::name);
    for (const auto& parameter : {found, bias_of}) {
      if (parameter == parameters.end() || parameter->aliases.empty()) continue;
      throw CheckpointError(
          fmt::format("the centring of the inputs cannot be folded into '{}': it is tied to '{}'. Write the weights as "
                      "they are with save_weights()",
                      parameter->name, parameter->aliases.front()));
    }
    Tensor& bias = state.try_emplace(names.bias, weight.shape().without(axis), 0.f).first->second;
    fold(weight, bias, found->layout, inputs);
  }
  if (!any) {
    throw CheckpointError(fmt::format("fold_input: the model has none of the weights named, the first '{}'",
                                      read.empty() ? "" : read.front().weight));
  }
}

}  // namespace canopy::nn
