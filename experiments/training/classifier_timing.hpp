// How fast the trees of a grid answer, beside feedforward networks.
#pragma once

#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/experiments/training/recipe.hpp>

namespace canopy::training {

/// Hard inference of 2048 test images (paper 1's batch) by each tree against the feedforward networks of its training
/// width ("speedup") and of its inference size ("speedup_inference_size"), alternated; the trees are initialised from
/// the data, so that every leaf gets its share. Other models: their own time alone.
std::vector<harness::TimedCell> time_classifiers(const harness::TimingContext& context,
                                                 const std::vector<NamedRecipe>& recipes);

}  // namespace canopy::training
