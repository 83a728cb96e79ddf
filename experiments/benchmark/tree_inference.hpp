// `canopy bench tree-inference`: paper 2, Table 2, on a CPU and soundly.
#pragma once

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

/// The layer of paper 2, 12 of 4095 neurons a row, beside dense layers by BLAS of every level.
Benchmark tree_inference();

}  // namespace canopy::benchmark
