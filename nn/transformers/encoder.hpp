// Blocks in sequence.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <canopy/nn/transformers/block.hpp>

namespace canopy::nn {

/// Makes the feedforward layer of a block, or null for a block without one: what varies between the papers.
using MakeFeedForward = std::function<std::unique_ptr<Layer>(std::int64_t block)>;

struct EncoderOptions {
  std::int64_t blocks = 0;
  BlockOptions block = {};
  bool final_norm = false;  ///< behind the last block, as pre-norm wants it
  /// Training keeps a block's input alone and computes the block again on the way back: memory for time, the same bits.
  bool recompute = false;
};

/// As many blocks as `options` says. Throws ConfigError for a negative number, and as Block.
std::vector<std::unique_ptr<Block>> make_blocks(const EncoderOptions& options, const MakeFeedForward& feedforward);

/// x [..., width] -> y [..., width] through `blocks` blocks and, if wanted, a norm. Submodules "0", "1", ..., "norm". A
/// causal one is a decoder in the style of GPT.
class Encoder : public SequenceLayer {
 public:
  /// Throws as make_blocks.
  Encoder(const EncoderOptions& options, const MakeFeedForward& feedforward);
  /// Of blocks made elsewhere, whose options may differ: `options.blocks` is their number then.
  Encoder(const EncoderOptions& options, std::vector<std::unique_ptr<Block>> blocks);

  using SequenceLayer::forward;
  Variable forward(const Variable& x, const Sequences& sequences) const override;
  /// The input, the output of every block and, if there is one, of the norm.
  std::vector<Variable> hidden(const Variable& x, const Sequences& sequences) const;
  Architecture architecture() const override;
  std::int64_t blocks() const { return options_.blocks; }
  Block& block(std::int64_t i) { return *blocks_.at(static_cast<std::size_t>(i)); }

 private:
  EncoderOptions options_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::optional<LayerNorm> norm_;
};

}  // namespace canopy::nn
