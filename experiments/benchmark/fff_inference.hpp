// `canopy bench fff-inference`: paper 1, Table 1's speed-ups on a CPU.
#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// Hard inference of fast feedforward layers beside the feedforward layer of the same training width, both optimised.
Benchmark fff_inference();

}  // namespace canopy::benchmark
