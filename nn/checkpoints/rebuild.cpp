#include <canopy/nn/checkpoints/rebuild.hpp>

#include <charconv>
#include <cmath>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/nn/activation.hpp>
#include <canopy/nn/dropout.hpp>
#include <canopy/nn/feed_forward.hpp>
#include <canopy/nn/identity.hpp>
#include <canopy/nn/layer_norm.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/residual.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/routed/moe.hpp>
#include <canopy/nn/routed/tree_fff.hpp>
#include <canopy/nn/sequential.hpp>
#include <canopy/nn/transformers/vit.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace canopy::nn {
namespace {

template <class L, class Options>
std::unique_ptr<Layer> make(const Options& options) {
  return std::make_unique<L>(options);
}

Activation activation(const SavedLayer& saved, const char* fallback = "relu") {
  return activation_from_string(saved.option("activation", fallback));
}

std::unique_ptr<Layer> build_layer_norm(const SavedLayer& saved) {
  return make<LayerNorm, LayerNormOptions>(
      {.width = saved.shape("weight", 1)[0], .epsilon = saved.fraction("epsilon"), .bias = saved.has("bias")});
}

std::unique_ptr<Layer> build_linear(const SavedLayer& saved) {
  const Shape& weight = saved.shape("weight", 2);
  return make<Linear, LinearOptions>({.inputs = weight[1],
                                      .outputs = weight[0],
                                      .bias = saved.has("bias"),
                                      .activation = activation(saved, "identity")});
}

std::unique_ptr<Layer> build_feed_forward(const SavedLayer& saved) {
  const Shape& hidden = saved.shape("0.weight", 2);
  return make<FeedForward, FeedForwardOptions>({.inputs = hidden[1],
                                                .width = hidden[0],
                                                .outputs = saved.shape("2.weight", 2)[0],
                                                .activation = activation(saved),
                                                .dropout = saved.fraction("dropout"),
                                                .bias = saved.has("0.bias")});
}

// The depth of a tree with that many leaves.
int depth_of(std::int64_t leaves) {
  for (int depth = 0; depth <= deepest_tree; ++depth) {
    if (std::int64_t{1} << depth == leaves) return depth;
  }
  throw CheckpointError(fmt::format("'w1s' holds {} leaves, which is no power of two", leaves));
}

// The released order unless the file says otherwise.
MasterMix master_mix(const SavedLayer& saved) {
  const std::string mix = saved.option("master_mix", "tree");
  if (mix != "tree" && mix != "master") {
    throw CheckpointError(fmt::format("the metadata 'master_mix' must be tree or master, not '{}'", mix));
  }
  return mix == "tree" ? MasterMix::tree : MasterMix::master;
}

std::unique_ptr<Layer> build_fff(const SavedLayer& saved) {
  const Shape& w1 = saved.shape("w1s", 3);
  return make<FFF, FFFOptions>({.inputs = w1[1],
                                .outputs = saved.shape("w2s", 3)[2],
                                .depth = depth_of(w1[0]),
                                .leaf_width = w1[2],
                                .activation = activation(saved),
                                .dropout = saved.fraction("dropout"),
                                .region_leak = saved.fraction("region_leak"),
                                .master_leaf_width = saved.has("master_w1") ? saved.shape("master_w1", 2)[1] : 0,
                                .master_mix = master_mix(saved)});
}

std::unique_ptr<Layer> build_tree_fff(const SavedLayer& saved) {
  const Shape& w_in = saved.shape("linear_in.weight", 2);
  const int trees = saved.number("trees"), depth = saved.number("depth");
  if (trees < 1 || depth > deepest_tree || w_in[0] != trees * ((std::int64_t{2} << depth) - 1)) {
    throw CheckpointError(
        fmt::format("'linear_in.weight' holds {} neurons, not those of {} trees of depth {}", w_in[0], trees, depth));
  }
  return make<TreeFFF, TreeFFFOptions>({.inputs = w_in[1],
                                        .outputs = saved.shape("linear_out.weight", 2)[0],
                                        .trees = trees,
                                        .depth = depth,
                                        .activation = activation(saved),
                                        .bias = saved.has("linear_in.bias")});
}

std::unique_ptr<Layer> build_moe(const SavedLayer& saved) {
  const Shape& w1 = saved.shape("w1", 3);
  return make<MoE, MoEOptions>({.inputs = w1[1],
                                .outputs = saved.shape("w2", 3)[2],
                                .experts = w1[0],
                                .expert_width = w1[2],
                                .k = saved.number("k"),
                                .activation = activation(saved),
                                .noise = saved.has("w_noise"),
                                .gate_bias = saved.has("b_gate")});
}

std::unique_ptr<Layer> build_sequential(const SavedLayer& saved) {
  auto model = std::make_unique<Sequential>();
  for (std::size_t i = 0; i < saved.layers(); ++i) model->append(saved.build(i, std::to_string(i)));
  return model;
}

bool says_yes(const SavedLayer& saved, const char* option) { return saved.option(option, "no") == "yes"; }

// Of the attention whose tensors have this prefix.
Projections projections(const SavedLayer& saved, const std::string& prefix) {
  if (saved.has(prefix + "query.weight")) return Projections::separate;
  return says_yes(saved, "head_major") ? Projections::head_major : Projections::joined;
}

std::unique_ptr<Layer> build_attention(const SavedLayer& saved) {
  return make<MultiHeadAttention, MultiHeadAttentionOptions>({.width = saved.shape("output.weight", 2)[0],
                                                              .heads = saved.number("heads"),
                                                              .projections = projections(saved, ""),
                                                              .bias = saved.has("output.bias"),
                                                              .causal = says_yes(saved, "causal"),
                                                              .dropout = saved.fraction("dropout")});
}

std::unique_ptr<Block> build_block(const SavedLayer& saved) {
  const std::string& norm = saved.option("norm");
  if (norm != "before" && norm != "behind") {
    throw CheckpointError(fmt::format("the metadata 'norm' must be before or behind, not '{}'", norm));
  }
  const BlockOptions options{.width = saved.shape("norm1.weight", 1)[0],
                             .heads = saved.number("heads"),
                             .norm = norm == "before" ? NormPlace::before : NormPlace::behind,
                             .epsilon = saved.fraction("epsilon"),
                             .projections = projections(saved, "attention."),
                             .bias = saved.has("attention.output.bias"),
                             .causal = says_yes(saved, "causal"),
                             .dropout = saved.fraction("dropout"),
                             .attention_dropout = saved.fraction("attention_dropout")};
  return std::make_unique<Block>(options, saved.layers() == 0 ? nullptr : saved.build(0, "feedforward"));
}

std::vector<std::unique_ptr<Block>> build_blocks(const SavedLayer& encoder) {
  std::vector<std::unique_ptr<Block>> blocks;
  for (std::size_t i = 0; i < encoder.layers(); ++i) blocks.push_back(build_block(encoder.part(i, std::to_string(i))));
  return blocks;
}

// What is an encoder's beside its blocks.
EncoderOptions encoder_options(const SavedLayer& encoder) {
  EncoderOptions options{.final_norm = says_yes(encoder, "final_norm")};
  if (options.final_norm) {
    options.block.width = encoder.shape("norm.weight", 1)[0];
    options.block.epsilon = encoder.fraction("epsilon");
  }
  return options;
}

std::unique_ptr<Layer> build_encoder(const SavedLayer& saved) {
  return std::make_unique<Encoder>(encoder_options(saved), build_blocks(saved));
}

std::unique_ptr<Layer> build_vit(const SavedLayer& saved) {
  const SavedLayer encoder = saved.part(0, "encoder");
  const Shape& patches = saved.shape("patches.weight", 4);
  ViTOptions options{
      .image = {.height = saved.number("height"), .width = saved.number("width"), .channels = saved.number("channels")},
      .patch = patches[2],
      .classes = saved.shape("head.weight", 2)[0],
      .pooling = saved.has("class_token") ? ImagePooling::class_token : ImagePooling::mean,
      .dropout = saved.fraction("dropout"),
      .encoder = encoder_options(encoder)};
  options.encoder.block.width = patches[0];
  return std::make_unique<ViT>(options, build_blocks(encoder));
}

// Every layer that can be rebuilt: one line each.
const Builders& known() {
  static const Builders table = {
      {"activation", [](const SavedLayer& saved) { return make<ActivationLayer>(activation(saved)); }},
      {"attention", build_attention},
      {"block", [](const SavedLayer& saved) -> std::unique_ptr<Layer> { return build_block(saved); }},
      {"dropout",
       [](const SavedLayer& saved) { return make<Dropout, DropoutOptions>({saved.fraction("probability")}); }},
      {"encoder", build_encoder},
      {"ff", build_feed_forward},
      {"fff", build_fff},
      {"identity", [](const SavedLayer&) { return std::make_unique<Identity>(); }},
      {"layer-norm", build_layer_norm},
      {"linear", build_linear},
      {"moe", build_moe},
      {"residual", [](const SavedLayer& saved) { return std::make_unique<Residual>(saved.build(0, "layer")); }},
      {"sequential", build_sequential},
      {"tree-fff", build_tree_fff},
      {"vit", build_vit},
  };
  return table;
}

}  // namespace

const std::string& SavedLayer::option(const std::string& key) const {
  const auto found = architecture_.options.find(key);
  if (found == architecture_.options.end()) throw CheckpointError(fmt::format("the metadata '{}' is missing", key));
  return found->second;
}

std::string SavedLayer::option(const std::string& key, const std::string& fallback) const {
  const auto found = architecture_.options.find(key);
  return found == architecture_.options.end() ? fallback : found->second;
}

int SavedLayer::number(const std::string& key) const {
  const std::string& text = option(key);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > 1'000'000) {
    throw CheckpointError(fmt::format("the metadata '{}' must be a whole number, not '{}'", key, text));
  }
  return value;
}

float SavedLayer::fraction(const std::string& key) const {
  const std::string text = option(key, "0");
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    throw CheckpointError(fmt::format("the metadata '{}' must be a number, not '{}'", key, text));
  }
  return value;
}

bool SavedLayer::has(const std::string& tensor) const { return file_.contains(prefix_ + tensor); }

const Shape& SavedLayer::shape(const std::string& tensor, int rank) const {
  const auto found = file_.entries().find(prefix_ + tensor);
  if (found == file_.entries().end())
    throw CheckpointError(fmt::format("the tensor '{}{}' is missing", prefix_, tensor));
  const Shape& shape = found->second.shape;
  if (shape.rank() != rank) {
    throw CheckpointError(
        fmt::format("the tensor '{}{}' has {} axes where {} are expected", prefix_, tensor, shape.rank(), rank));
  }
  return shape;
}

std::size_t SavedLayer::layers() const { return architecture_.layers.size(); }

SavedLayer SavedLayer::part(std::size_t i, const std::string& name) const {
  if (i >= layers()) {
    throw CheckpointError(fmt::format("a layer of '{}' is missing: there are {}", architecture_.name, layers()));
  }
  return {architecture_.layers[i], fmt::format("{}{}.", prefix_, name), file_, own_};
}

std::unique_ptr<Layer> SavedLayer::build(std::size_t i, const std::string& name) const {
  const SavedLayer part = this->part(i, name);
  try {
    return part.build();
  } catch (const Error& error) {
    const std::string text = error.what();  // the innermost layer names itself
    if (text.starts_with("layer '")) throw;
    throw CheckpointError(fmt::format("layer '{}{}' ({}): {}", prefix_, name, part.architecture_.name, text));
  }
}

std::unique_ptr<Layer> SavedLayer::build() const {
  for (const Builders* table : {&own_, &known()}) {
    if (const auto found = table->find(architecture_.name); found != table->end()) return found->second(*this);
  }
  std::vector<std::string> names;
  for (const Builders* table : {&own_, &known()}) {
    for (const auto& [name, builder] : *table) names.push_back(name);
  }
  throw CheckpointError(fmt::format(
      "the architecture '{}' is unknown; known: {}. A model of one's own is built by its program and filled "
      "by load_weights(), or built by a builder given to load_model()",
      architecture_.name, fmt::join(names, ", ")));
}

std::unique_ptr<Layer> build_layer(const SafetensorsReader& file, const Builders& own) {
  if (!file.metadata().contains("architecture") && !file.contains("w1s")) {
    throw CheckpointError(fmt::format(
        "no model that can be built: the metadata have no 'architecture', nor is 'w1s' there as in a released fff; "
        "found {} tensors{}. A model of one's own is built by its program and filled by load_weights()",
        file.entries().size(),
        file.entries().empty() ? "" : fmt::format(", the first '{}'", file.entries().begin()->first)));
  }
  const Architecture architecture = architecture_from_metadata(file.metadata());
  return SavedLayer(architecture, "", file, own).build();
}

}  // namespace canopy::nn
