#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// Training steps of hard FFF and MoE layers as their leaves and experts double, beside a feedforward layer of the same
/// training width and beside computing all leaves or experts.
Benchmark grouped_training();

}  // namespace canopy::benchmark
