// How well a model guesses masked tokens, never without the use of its leaves.
#pragma once

#include <cstdint>
#include <vector>

#include <canopy/datasets/text/corpus/masked_text.hpp>
#include <canopy/nn/routed/routing_load.hpp>
#include <canopy/nn/transformers/crammed_bert.hpp>

namespace canopy::language {

struct MaskedTokenScore {
  std::int64_t tokens = 0;               ///< that were to be guessed
  double loss = 0;                       ///< the mean cross-entropy of a token, in nats; NaN of no tokens
  double accuracy = 0;                   ///< percent that have the largest logit, the first of equal ones
  std::vector<nn::RoutingLoad> routing;  ///< of every layer of trees

  double perplexity() const;               ///< e^loss
  std::int64_t least_leaves_used() const;  ///< of the layer where it is smallest; 0 without trees
};

/// On so many sequences from all over the text, or on all, in batches of `batch`. The same for any number of threads.
/// `model` must be in evaluation mode.
MaskedTokenScore evaluate_masked_tokens(const nn::CrammedBert& model, const MaskedText& text, std::int64_t sequences,
                                        std::int64_t batch);

}  // namespace canopy::language
