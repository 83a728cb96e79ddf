// How fast vision transformers answer.
#pragma once

#include <vector>

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

/// Whole models, and of those with trees also one layer for the rows that reach the first one: beside the feedforward
/// layer of the training width ("speedup", as in paper 1, Table 3; "model_speedup" of the whole model) and the one of
/// the inference size.
std::vector<harness::TimedCell> time_vits(const harness::TimingContext& context);

}  // namespace canopy::fff
