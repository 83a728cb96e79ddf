// `canopy bench layer-scaling`: paper 1, Figures 3 and 4 (E4), on a CPU.
#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// Inference of layers 768 -> 768 as they grow: a feedforward layer by its width, a tree by its depth.
Benchmark layer_scaling();

}  // namespace canopy::benchmark
