// Attention of tokens to the tokens of their sequence.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <canopy/autograd/variable.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/sequences.hpp>

namespace canopy {

struct AttentionOptions {
  std::int64_t heads = 1;
  /// Of each head its query, key and value numbers one after another; otherwise all queries, then all keys, all values.
  bool head_major = false;
  bool causal = false;              ///< a token sees itself and the keys before it
  std::optional<float> scale = {};  ///< of the scores; 1 / sqrt(width of a head) where it is not given
  float dropout = 0.f;  ///< the probability of each attention weight to become 0; the rest is divided by its complement
};

/// Scaled dot-product self-attention (Vaswani et al. 2017, section 3.2). qkv [..., 3 width], with as many rows as
/// `sequences` has, holds every token's queries, keys and values, `heads` of each; the result [..., width] has for each
/// token and head the sum over the keys j of its sequence of soft-max(scale q . k_j) v_j. A token that sees no key gets
/// zeros. Computed by tiles: memory grows linearly in tokens, forward and backward.
///
/// Dropout takes its numbers from `stream`: for training, leave it out in evaluation. Throws ShapeError where the
/// shapes do not fit, ConfigError for options out of range.
Variable attention(const Variable& qkv, const Sequences& sequences, const AttentionOptions& options,
                   RandomStream& stream);
/// Without dropout.
Variable attention(const Variable& qkv, const Sequences& sequences, const AttentionOptions& options);

}  // namespace canopy
