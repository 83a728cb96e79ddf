// Masked language modelling: tokens to be guessed, new ones in every pass.
//
//   MaskedText masked(text.training(), {.share = 0.25, .rule = MaskingRule::exact_share});
//   for (const auto& [ids, targets] : DataLoader(masked, {.batch_size = 32, .shuffle = true})) ...
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include <canopy/datasets/text/corpus/packed_text.hpp>

namespace canopy {

/// Which tokens are to be guessed.
enum class MaskingRule {
  /// Each by itself with the given probability, but special tokens (Devlin et al. 2018, and the package transformers).
  each_token,
  /// round(share * length) of every sequence, whatever they are, so that all batches have as many (Geiping and
  /// Goldstein 2022, https://arxiv.org/abs/2212.14034, as released).
  exact_share
};

/// Of the tokens to be guessed 80 % become [MASK], 10 % a random token of the vocabulary, 10 % stay; by `exact_share`
/// in each sequence, up to rounding (half to even).
struct Masking {
  double share = 0.15;  ///< of the tokens that is to be guessed
  MaskingRule rule = MaskingRule::each_token;
};

/// What was there before the masking.
struct MaskedTokens {
  Indices positions;  ///< [tokens]: rows of the batch's tokens [batch * length], ascending
  Indices labels;     ///< [tokens]: the ids that stood there
};

/// Batches of masked ids [batch, length] and what was masked. What happens to a sequence of a pass is the same in every
/// batch, by every thread and in a training that is resumed: it depends on the seed of the process, the pass and the
/// sequence's position alone.
class MaskedText {
 public:
  /// Throws ConfigError for a share that is not above 0 and at most 1.
  MaskedText(PackedSequences sequences, const Masking& masking);

  const PackedSequences& sequences() const { return sequences_; }
  std::int64_t size() const { return sequences_.size(); }
  std::pair<Indices, MaskedTokens> batch(std::span<const std::int64_t> indices) const;

  /// The sequences are masked anew from here on; the same number, the same masks.
  void start_pass(std::uint64_t pass);

 private:
  PackedSequences sequences_;
  Masking masking_;
  std::uint64_t seed_, pass_ = 0;
};

}  // namespace canopy
