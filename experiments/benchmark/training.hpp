// `canopy bench training`: one training step of each workload, to be set beside the same step in PyTorch.
#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// A step is forward, loss, backward and update on random data; row names are those of the peer's script.
Benchmark training();

}  // namespace canopy::benchmark
