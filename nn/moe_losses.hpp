// Losses that keep the experts of a mixture evenly used, read from its last forward in training (Shazeer et al. 2017,
// section 4 and appendix A).
#pragma once

#include <canopy/nn/deferred_loss.hpp>
#include <canopy/nn/moe.hpp>

namespace canopy::nn {

/// The sum over the batch of each expert's gate: [experts]. Throws Error if the layer has not run forward in training.
Variable importance(const MoE& layer);

/// A smooth count of the rows sent to each expert: the sum over the batch of the probability that the expert is chosen
/// if its noise is drawn again, [experts]. Where every expert is chosen, or without noise, the count itself, which has
/// no gradient. Throws Error if the layer has not run forward in training.
Variable load(const MoE& layer);

/// The squared coefficient of variation of `importance`, variance / (mean^2 + 1e-10) with the unbiased variance; 0 for
/// a single expert. Computing it throws Error if the layer has not run forward in training.
DeferredLoss importance_loss(const MoE& layer);

/// The same of `load`.
DeferredLoss load_loss(const MoE& layer);

}  // namespace canopy::nn
