// A step of paper 2's pretraining on random tokens, as in the peer's script.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace canopy::benchmark {

/// A crammedBERT and a batch of sequences. `depth` is that of the tree in each block, 0 for a dense feedforward layer
/// of `hidden` neurons.
struct PretrainingSize {
  std::int64_t blocks = 4, width = 256, heads = 4, hidden = 1024, batch = 32, tokens = 128, vocabulary = 30522;
  int depth = 0;

  /// As the peer's script calls it: its tree is a dense layer that is masked.
  std::string name() const;
};

/// 15 % of the positions are predicted, whose logits alone are computed. Forward, cross-entropy, backward, clipping at
/// 0.5, AdamW. The peer's positions are learned vectors, crammedBERT's sinusoids.
std::function<void()> pretraining_step(const PretrainingSize& size);

}  // namespace canopy::benchmark
