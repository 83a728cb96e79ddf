// Scaled dot-product attention by tiles with a running soft-max (Milakov and Gimelshein 2018; Rabe and Staats 2021; Dao
// et al. 2022): no array of tokens x tokens exists, memory grows linearly in tokens.
#pragma once

#include <cstdint>

#include <canopy/core/random.hpp>
#include <canopy/core/sequences.hpp>

namespace canopy::kernels {

/// Where queries, keys and values of the heads stand in a row of 3 heads width numbers.
struct AttentionLayout {
  std::int64_t heads;
  std::int64_t width;       ///< of a head
  bool head_major = false;  ///< of each head its query, key and value; otherwise all queries, all keys, all values

  std::int64_t row() const { return 3 * heads * width; }
  std::int64_t query(std::int64_t head) const { return head_major ? 3 * head * width : head * width; }
  std::int64_t key(std::int64_t head) const { return head_major ? query(head) + width : (heads + head) * width; }
  std::int64_t value(std::int64_t head) const {
    return head_major ? query(head) + 2 * width : (2 * heads + head) * width;
  }
};

struct AttentionOptions {
  float scale;                 ///< of the scores, 1 / sqrt(width) as a rule
  bool causal = false;         ///< a token sees the keys up to itself only
  float dropout = 0.f;         ///< of the probabilities, below 1
  RandomStream stream{0, ""};  ///< what dropout draws from: which numbers a probability gets depends on its place only
};

/// How many blocks of the stream dropout may take.
std::uint64_t attention_random_blocks(const Sequences& sequences, const AttentionLayout& layout);

/// out[i] = sum over the keys j of i's sequence of p[i, j] value[j], p[i, .] = soft-max(scale query[i] . key[.]), for
/// each head; 0 where a row has no key. qkv is [rows, 3 heads width], out [rows, heads width]. `log_sums` [rows, heads]
/// receives log sum over j of exp(scale query[i] . key[j]), which backward needs; +infinity where there is no key.
void attention(const Sequences& sequences, const AttentionLayout& layout, const AttentionOptions& options,
               const float* qkv, float* out, float* log_sums);

/// The gradient of qkv from that of out; the same options, the stream where it stood before.
void attention_backward(const Sequences& sequences, const AttentionLayout& layout, const AttentionOptions& options,
                        const float* qkv, const float* out, const float* log_sums, const float* dout, float* dqkv);

}  // namespace canopy::kernels
