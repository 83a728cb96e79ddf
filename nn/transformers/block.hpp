// A block of a transformer, around any feedforward layer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <canopy/nn/dropout.hpp>
#include <canopy/nn/layer_norm.hpp>
#include <canopy/nn/transformers/attention.hpp>

namespace canopy::nn {

enum class NormPlace {
  before,  ///< x + f(norm(x)): "pre-norm" (ViT, GPT-2, crammedBERT)
  behind   ///< norm(x + f(x)): "post-norm" (BERT)
};

struct BlockOptions {
  std::int64_t width = 0;
  std::int64_t heads = 1;
  NormPlace norm = NormPlace::before;
  float epsilon = 1e-5f;  ///< of both norms
  Projections projections = Projections::joined;
  bool bias = true;     ///< of the attention's maps; the norms have one always
  bool causal = false;  ///< a decoder's block
  float dropout = 0.f;  ///< of what attention and feedforward layer add, in training
  float attention_dropout = 0.f;
};

/// Attention, then a feedforward layer, each with a connection around it and a norm before or behind: a = x +
/// attention(norm1(x)), y = a + feedforward(norm2(a)), or a = norm1(x + attention(x)), y = norm2(a + feedforward(a)).
/// The feedforward layer is any that keeps [..., width]: FeedForward, FFF, TreeFFF, MoE, a Sequential; without one y is
/// a, and there is no second norm. x [..., width] -> y [..., width]. Submodules "norm1", "attention", "norm2",
/// "feedforward".
class Block : public SequenceLayer {
 public:
  /// `feedforward` may be null. Throws ConfigError as MultiHeadAttention, LayerNorm and Dropout.
  Block(const BlockOptions& options, std::unique_ptr<Layer> feedforward);

  using SequenceLayer::forward;
  /// Throws ShapeError unless the feedforward layer keeps the shape of its input.
  Variable forward(const Variable& x, const Sequences& sequences) const override;
  Architecture architecture() const override;
  /// Null where there is none.
  Layer* feedforward() { return feedforward_.get(); }

 private:
  BlockOptions options_;
  LayerNorm norm1_;
  MultiHeadAttention attention_;
  std::optional<LayerNorm> norm2_;
  std::unique_ptr<Layer> feedforward_;
  Dropout dropout_;
};

}  // namespace canopy::nn
