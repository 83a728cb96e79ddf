#include <canopy/nn/checkpoint.hpp>

#include <algorithm>
#include <charconv>

#include <canopy/core/error.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/fff.hpp>
#include <canopy/nn/moe.hpp>
#include <canopy/nn/tree_fff.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

using Metadata = std::map<std::string, std::string>;

constexpr const char* format_version = "1";

// W' = W scale and b' = b - W scale offset, scale and offset by input, for weights [..., outputs, inputs] or, where the
// file has them transposed,
// [..., inputs, outputs].
void fold(Tensor& weight, Tensor& bias, nn::FileLayout layout, const DatasetMetadata& dataset) {
  const bool transposed = layout == nn::FileLayout::transposed;
  const std::int64_t inputs = weight.extent(transposed ? -2 : -1);
  const std::int64_t columns = transposed ? weight.extent(-1) : 1;
  dataset.input.check(inputs);
  float* w = weight.mutable_data();
  float* b = bias.mutable_data();
  for (std::int64_t neuron = 0; neuron < bias.size(); ++neuron) {
    float* first = w + neuron / columns * inputs * columns + neuron % columns;
    double shift = 0;
    for (std::int64_t i = 0; i < inputs; ++i) {
      float& value = first[i * columns];
      value *= dataset.input.scale_of(i);
      shift += static_cast<double>(value) * dataset.input.offset_of(i);
    }
    b[neuron] -= static_cast<float>(shift);
  }
}

std::string entry(const Metadata& metadata, const std::string& key, const std::string& fallback) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? fallback : found->second;
}

// A whole number from 0 of few digits.
int number(const Metadata& metadata, const std::string& key) {
  const std::string text = entry(metadata, key, "");
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > 1'000'000) {
    throw CheckpointError(fmt::format("the metadata '{}' must be a whole number, not '{}'", key, text));
  }
  return value;
}

const Tensor& tensor(const nn::StateDict& tensors, const std::string& name, int rank) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw CheckpointError(fmt::format("the tensor '{}' is missing", name));
  if (found->second.rank() != rank) {
    throw CheckpointError(
        fmt::format("the tensor '{}' has {} axes where {} are expected", name, found->second.rank(), rank));
  }
  return found->second;
}

// The depth of a tree with that many leaves.
int depth_of(std::int64_t leaves) {
  for (int depth = 0; depth <= 24; ++depth) {
    if (std::int64_t{1} << depth == leaves) return depth;
  }
  throw CheckpointError(fmt::format("'w1s' holds {} leaves, which is no power of two", leaves));
}

std::int64_t master_leaf_width(const nn::StateDict& tensors) {
  return tensors.contains("master_w1") ? tensor(tensors, "master_w1", 2).extent(1) : 0;
}

// The released order unless the file says otherwise.
nn::MasterMix master_mix(const Metadata& metadata) {
  const std::string mix = entry(metadata, "master_mix", "tree");
  if (mix != "tree" && mix != "master") {
    throw CheckpointError(fmt::format("the metadata 'master_mix' must be tree or master, not '{}'", mix));
  }
  return mix == "tree" ? nn::MasterMix::tree : nn::MasterMix::master;
}

std::unique_ptr<nn::Layer> build(const Metadata& metadata, const nn::StateDict& tensors) {
  const std::string architecture = entry(metadata, "architecture", "fff");
  const Activation activation = activation_from_string(entry(metadata, "activation", "relu"));
  if (architecture == "ff") {
    const Tensor& hidden = tensor(tensors, "0.weight", 2);
    return std::make_unique<nn::FeedForward>(nn::FeedForwardOptions{.inputs = hidden.extent(1),
                                                                    .width = hidden.extent(0),
                                                                    .outputs = tensor(tensors, "2.weight", 2).extent(0),
                                                                    .activation = activation});
  }
  if (architecture == "fff") {
    const Tensor& w1 = tensor(tensors, "w1s", 3);
    return std::make_unique<nn::FFF>(nn::FFFOptions{.inputs = w1.extent(1),
                                                    .outputs = tensor(tensors, "w2s", 3).extent(2),
                                                    .depth = depth_of(w1.extent(0)),
                                                    .leaf_width = w1.extent(2),
                                                    .activation = activation,
                                                    .master_leaf_width = master_leaf_width(tensors),
                                                    .master_mix = master_mix(metadata)});
  }
  if (architecture == "tree-fff") {
    const Tensor& w_in = tensor(tensors, "linear_in.weight", 2);
    const int trees = number(metadata, "trees"), depth = number(metadata, "depth");
    if (trees < 1 || depth < 0 || depth > 24 || w_in.extent(0) != trees * ((std::int64_t{2} << depth) - 1)) {
      throw CheckpointError(fmt::format("'linear_in.weight' holds {} neurons, not those of {} trees of depth {}",
                                        w_in.extent(0), trees, depth));
    }
    return std::make_unique<nn::TreeFFF>(
        nn::TreeFFFOptions{.inputs = w_in.extent(1),
                           .outputs = tensor(tensors, "linear_out.weight", 2).extent(0),
                           .trees = trees,
                           .depth = depth,
                           .activation = activation,
                           .bias = tensors.contains("linear_in.bias")});
  }
  if (architecture == "moe") {
    const Tensor& w1 = tensor(tensors, "w1", 3);
    return std::make_unique<nn::MoE>(nn::MoEOptions{.inputs = w1.extent(1),
                                                    .outputs = tensor(tensors, "w2", 3).extent(2),
                                                    .experts = w1.extent(0),
                                                    .expert_width = w1.extent(2),
                                                    .k = number(metadata, "k"),
                                                    .activation = activation,
                                                    .noise = tensors.contains("w_noise"),
                                                    .gate_bias = tensors.contains("b_gate")});
  }
  throw CheckpointError(fmt::format("the architecture '{}' is unknown; known: ff, fff, tree-fff, moe", architecture));
}

}  // namespace

ClassifierState classifier_state(const nn::Layer& model, const DatasetMetadata& dataset) {
  ClassifierState state{model.architecture(), model.state_dict()};
  state.metadata.insert_or_assign("format_version", std::string(format_version));
  if (!dataset.dataset.empty()) state.metadata["dataset"] = dataset.dataset;
  if (!dataset.input_normalisation.empty()) state.metadata["input_normalisation"] = dataset.input_normalisation;
  if (dataset.input.identity()) return state;
  const std::vector<nn::NamedVariable> parameters = model.named_parameters();
  for (const nn::Layer::InputWeights& names : model.input_weights()) {
    const auto parameter = std::ranges::find(parameters, names.weight, &nn::NamedVariable::name);
    if (parameter == parameters.end()) throw CheckpointError(fmt::format("save: there is no '{}'", names.weight));
    Tensor& weight = state.tensors.at(names.weight);
    // A layer without the bias gets one: the centre has to go somewhere.
    const int inputs_axis = parameter->layout == nn::FileLayout::transposed ? -2 : -1;
    const auto bias = state.tensors.try_emplace(names.bias, weight.shape().without(inputs_axis), 0.f).first;
    fold(weight, bias->second, parameter->layout, dataset);
  }
  return state;
}

void save(const nn::Layer& model, const std::filesystem::path& path, const DatasetMetadata& dataset) {
  ClassifierState state = classifier_state(model, dataset);
  write_safetensors(path, {.metadata = std::move(state.metadata), .tensors = std::move(state.tensors), .indices = {}});
}

LoadedClassifier load_classifier(const std::filesystem::path& path) {
  Safetensors file = read_safetensors(path);
  std::erase_if(file.tensors, [](const auto& named) { return named.first.starts_with("training."); });
  try {
    auto model = build(file.metadata, file.tensors);
    model->load_state_dict(file.tensors);
    model->eval();
    return {std::move(model), std::move(file.metadata)};
  } catch (const Error& error) {
    throw CheckpointError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

}  // namespace canopy
