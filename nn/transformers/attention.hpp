// Multi-head self-attention as a layer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <canopy/nn/linear.hpp>
#include <canopy/nn/transformers/sequence_layer.hpp>

namespace canopy::nn {

/// How a checkpoint holds the weights that make queries, keys and values.
enum class Projections {
  separate,   ///< "query", "key", "value": each [width, width]
  joined,     ///< "query_key_value" [3 width, width]: the rows of all queries, all keys, all values
  head_major  ///< the same with, head after head, the rows of its query, its key and its value
};

struct MultiHeadAttentionOptions {
  std::int64_t width = 0;  ///< numbers a token; a multiple of heads
  std::int64_t heads = 1;
  Projections projections = Projections::joined;
  bool bias = true;     ///< of all four maps
  bool causal = false;  ///< a token sees itself and those before it
  float dropout = 0.f;  ///< of the attention weights, in training (stream "dropout")
};

/// Self-attention (Vaswani et al. 2017): queries, keys and values are linear maps of x, `heads` of each; what the heads
/// answer goes through `output`. x [..., width] -> y [..., width]. A token whose sequence has no valid key gets the
/// output's bias. Initialised as Linear. Throws ConfigError for sizes below 1, a width that is no multiple of heads, or
/// a dropout outside [0, 1).
class MultiHeadAttention : public SequenceLayer {
 public:
  using Options = MultiHeadAttentionOptions;
  explicit MultiHeadAttention(const MultiHeadAttentionOptions& options);

  using SequenceLayer::forward;
  Variable forward(const Variable& x, const Sequences& sequences) const override;
  Architecture architecture() const override;

 private:
  MultiHeadAttentionOptions options_;
  std::vector<std::unique_ptr<Linear>> projections_;  // one, or query, key and value
  Linear output_;
};

}  // namespace canopy::nn
