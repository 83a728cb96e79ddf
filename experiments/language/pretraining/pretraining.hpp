// Trains one masked language model of a grid.
#pragma once

#include <cstdint>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/language/pretraining/pretraining_recipe.hpp>
#include <canopy/experiments/language/pretraining/pretraining_text.hpp>

namespace canopy::language {

/// The text that the settings name: "text", "vocabulary", "sequence_length".
PretrainingText pretraining_text(const harness::Settings& settings);

/// In batches, of which the last of a pass over the text is smaller, as steps grow; at least one step each.
struct PretrainingPlan {
  std::int64_t batches = 0;         ///< of the whole training, for the setting "tokens"
  std::int64_t ramp = 0;            ///< in which steps grow
  std::int64_t evaluate_every = 0;  ///< for the setting of that name, in tokens
};
PretrainingPlan plan_pretraining(const PretrainingRecipe& recipe, const harness::Settings& settings);

/// Trains with `context.seed` on the training part of the text, masked anew in each pass, until "tokens" are read, and
/// scores on sequences of the held-out part, masked once and for all as BERT's (15 %) and the same for every cell and
/// seed. A row of metrics.csv has the mean training loss since the row before, routing losses included, and the
/// held-out scores; the result's `loss` is the held-out one at the end, the logarithm of its perplexity. layers.json
/// holds each layer's use of its leaves. The checkpoint is read by nn::load_crammed_bert.
harness::Result pretrain_model(const harness::CellContext& context);

}  // namespace canopy::language
