#include <canopy/nn/transformers/attention.hpp>

#include <string>

#include <canopy/autograd/attention.hpp>
#include <canopy/autograd/joined_linear.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {

MultiHeadAttention::MultiHeadAttention(const MultiHeadAttentionOptions& options)
    : options_(options), output_({.inputs = options.width, .outputs = options.width, .bias = options.bias}) {
  if (options.heads < 1 || options.width % options.heads != 0) {
    throw ConfigError(fmt::format("MultiHeadAttention: the width, {}, must be a multiple of the heads, {}",
                                  options.width, options.heads));
  }
  if (!(options.dropout >= 0.f && options.dropout < 1.f)) {
    throw ConfigError(fmt::format("MultiHeadAttention: dropout must lie in [0, 1), not {}", options.dropout));
  }
  const auto add = [&](const char* name, std::int64_t outputs) {
    projections_.push_back(
        std::make_unique<Linear>(LinearOptions{.inputs = options.width, .outputs = outputs, .bias = options.bias}));
    add_module(name, *projections_.back());
  };
  if (options.projections == Projections::separate) {
    for (const char* name : {"query", "key", "value"}) add(name, options.width);
  } else {
    add("query_key_value", 3 * options.width);
  }
  add_module("output", output_);
}

Variable MultiHeadAttention::forward(const Variable& x, const Sequences& sequences) const {
  std::vector<Variable> weights, biases;
  for (const auto& projection : projections_) {
    weights.push_back(projection->weight());
    biases.push_back(projection->bias());
  }
  AttentionOptions options{.heads = options_.heads,
                           .head_major = options_.projections == Projections::head_major,
                           .causal = options_.causal};
  const Variable qkv = joined_linear(x, weights, biases);
  if (!is_training() || options_.dropout == 0.f) return output_(attention(qkv, sequences, options));
  options.dropout = options_.dropout;
  return output_(attention(qkv, sequences, options, random_stream("dropout")));
}

Architecture MultiHeadAttention::architecture() const {
  Architecture described{.name = "attention", .options = {{"heads", fmt::to_string(options_.heads)}}};
  if (options_.projections == Projections::head_major) described.options.emplace("head_major", "yes");
  if (options_.causal) described.options.emplace("causal", "yes");
  if (options_.dropout > 0.f) described.options.emplace("dropout", fmt::to_string(options_.dropout));
  return described;
}

}  // namespace canopy::nn
