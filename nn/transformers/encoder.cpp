#include <canopy/nn/transformers/encoder.hpp>

#include <utility>

#include <canopy/autograd/recompute.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {

std::vector<std::unique_ptr<Block>> make_blocks(const EncoderOptions& options, const MakeFeedForward& feedforward) {
  if (options.blocks < 0) throw ConfigError(fmt::format("Encoder: {} blocks", options.blocks));
  std::vector<std::unique_ptr<Block>> blocks;
  for (std::int64_t i = 0; i < options.blocks; ++i) {
    blocks.push_back(std::make_unique<Block>(options.block, feedforward(i)));
  }
  return blocks;
}

Encoder::Encoder(const EncoderOptions& options, const MakeFeedForward& feedforward)
    : Encoder(options, make_blocks(options, feedforward)) {}

Encoder::Encoder(const EncoderOptions& options, std::vector<std::unique_ptr<Block>> blocks)
    : options_(options), blocks_(std::move(blocks)) {
  options_.blocks = std::ssize(blocks_);
  for (std::int64_t i = 0; i < options_.blocks; ++i) add_module(fmt::to_string(i), block(i));
  if (options.final_norm) {
    norm_.emplace(LayerNormOptions{.width = options.block.width, .epsilon = options.block.epsilon});
    add_module("norm", *norm_);
  }
}

std::vector<Variable> Encoder::hidden(const Variable& x, const Sequences& sequences) const {
  std::vector<Variable> states{x};
  for (const auto& block : blocks_) {
    const Variable& last = states.back();
    states.push_back(options_.recompute
                         ? recompute([&block, sequences](const Variable& in) { return (*block)(in, sequences); }, last)
                         : (*block)(last, sequences));
  }
  if (norm_) states.push_back((*norm_)(states.back()));
  return states;
}

Variable Encoder::forward(const Variable& x, const Sequences& sequences) const { return hidden(x, sequences).back(); }

Architecture Encoder::architecture() const {
  Architecture described{.name = "encoder", .options = {}};
  if (options_.final_norm) {
    described.options = {{"final_norm", "yes"}, {"epsilon", fmt::to_string(options_.block.epsilon)}};
  }
  for (const auto& block : blocks_) described.layers.push_back(block->architecture());
  return described;
}

}  // namespace canopy::nn
