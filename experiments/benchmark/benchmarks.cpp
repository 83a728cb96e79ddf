#include <canopy/experiments/benchmark/benchmark.hpp>
#include <canopy/experiments/benchmark/fff_inference.hpp>
#include <canopy/experiments/benchmark/training.hpp>

namespace canopy::benchmark {

const std::vector<Benchmark>& benchmarks() {
  static const std::vector<Benchmark> list = {training(), fff_inference()};
  return list;
}

}  // namespace canopy::benchmark
