#include <canopy/core/kernels/neuron_forest.hpp>

#include <algorithm>

#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/neuron_tree.hpp>
#include <canopy/core/threads.hpp>

namespace canopy::kernels {
namespace {

// So few rows hardly meet: sorting them would cost more than it saves.
constexpr std::int64_t few_rows = 16;

}  // namespace

void forest_forward(const NeuronForest& forest, const float* x, std::int64_t batch, std::int32_t* bottom, float* z,
                    float* a, float* y) {
  const std::int64_t levels = forest.levels();
  const std::int64_t bottoms = std::int64_t{1} << forest.depth;
  // Rows [begin, begin + n) through every tree.
  const auto forward = [&](std::int64_t begin, std::int64_t n) {
    const float* rows = x + begin * forest.inputs;
    float* out = y + begin * forest.outputs;
    for (int t = 0; t < forest.trees; ++t) {
      const std::int64_t first_node = t * forest.nodes();
      const NeuronTree tree{forest.inputs, forest.depth, forest.w_in + first_node * forest.inputs,
                            forest.bias == nullptr ? nullptr : forest.bias + first_node};
      const float* w_out = forest.w_out + first_node * forest.outputs;
      const std::int64_t at = t * batch + begin;
      descend(tree, rows, n, bottom + at, z + at * levels);
      activate(forest.activation, z + at * levels, a + at * levels, n * levels);
      if (n > few_rows) {
        path_sums({forest.depth, group_items(bottom + at, n, bottoms)}, a + at * levels, w_out, forest.outputs, t > 0,
                  out);
      } else {
        for (std::int64_t i = 0; i < n; ++i) {
          path_sum(forest.depth, bottom[at + i], a + (at + i) * levels, w_out, forest.outputs, t > 0,
                   out + i * forest.outputs);
        }
      }
    }
  };
  if (forest.trees == 1) return forward(0, batch);
  // Enough rows to meet at the bottoms, and no more: their inputs and outputs stay in the cache from tree to tree.
  const std::int64_t block = std::max<std::int64_t>(64, std::int64_t{8} << forest.depth);
  parallel_for(batch, block, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; b += block) forward(b, std::min(block, end - b));
  });
}

}  // namespace canopy::kernels
