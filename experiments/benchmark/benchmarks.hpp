// Every benchmark of canopy's driver.
#pragma once

#include <vector>

#include <canopy/experiments/harness/benchmark.hpp>

namespace canopy::benchmark {

const std::vector<Benchmark>& benchmarks();

}  // namespace canopy::benchmark
