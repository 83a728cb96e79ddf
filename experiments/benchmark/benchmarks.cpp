#include <canopy/experiments/benchmark/benchmarks.hpp>

#include <canopy/experiments/benchmark/encoder.hpp>
#include <canopy/experiments/benchmark/fff_inference.hpp>
#include <canopy/experiments/benchmark/fff_latency.hpp>
#include <canopy/experiments/benchmark/grouped_training.hpp>
#include <canopy/experiments/benchmark/layer_scaling.hpp>
#include <canopy/experiments/benchmark/training.hpp>
#include <canopy/experiments/benchmark/tree_inference.hpp>
#include <canopy/experiments/benchmark/tree_training.hpp>

namespace canopy::benchmark {

const std::vector<Benchmark>& benchmarks() {
  static const std::vector<Benchmark> list = {training(),      fff_inference(), fff_latency(),      tree_inference(),
                                              tree_training(), layer_scaling(), grouped_training(), encoder()};
  return list;
}

}  // namespace canopy::benchmark
