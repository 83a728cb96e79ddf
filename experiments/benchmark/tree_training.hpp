// `canopy bench tree-training`: what training through the paths of paper 2's layer saves over masking.
#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// A training step of the layer, sparse beside the masked dense one that the released code computes.
Benchmark tree_training();

}  // namespace canopy::benchmark
