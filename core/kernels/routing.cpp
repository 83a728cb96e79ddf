#include <canopy/core/kernels/routing.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include <canopy/core/kernels/simd_dots.hpp>
#include <canopy/core/threads.hpp>

namespace canopy::kernels {
namespace {

constexpr std::int64_t rows_grain = 64;
// Weights of the top levels, which every row meets: they stay in the second-level cache.
constexpr std::int64_t cached_weights = 1 << 17;

// The first node of a level, and with it the number of nodes above.
constexpr std::int64_t first_of_level(int level) { return (std::int64_t{1} << level) - 1; }

// The sibling of the node that a row sent to `leaf` passes at level `level` > 0.
std::int64_t sibling(std::int32_t leaf, int level, int depth) {
  return first_of_level(level) + ((leaf >> (depth - level)) ^ 1);
}

// Asks for the four nodes two levels below, which lie side by side: a row with few beside it would wait for memory at
// every level of a deep tree. Of long weights the first lines, whose successors the processor asks for itself. Inlined,
// since GCC takes a call that does nothing but prefetch for one without effect.
inline __attribute__((always_inline)) void fetch_grandchildren(const DecisionTree& tree, std::int64_t node) {
  const std::int64_t first = 4 * node + 3;
  if (first * tree.inputs < cached_weights) return;
  const std::int64_t lines = std::min<std::int64_t>(tree.inputs, 2 * simd::cache_line);
  for (std::int64_t k = first; k < first + 4; ++k) {
    const float* weights = tree.weights + k * tree.inputs;
    for (std::int64_t i = 0; i < lines; i += simd::cache_line) __builtin_prefetch(weights + i);
  }
  __builtin_prefetch(tree.biases + first);
}

// N rows on their way down together, level by level: their dot products do not wait for each other.
template <std::size_t N>
struct Descent {
  std::array<const float*, N> x;
  std::array<std::int64_t, N> node{};
  std::array<const float*, N> sign{};  // of each row's next logit, or null
  std::array<float*, N> logits{};      // where it goes, or null

  void go(const DecisionTree& tree, int levels) {
    for (int level = 0; level < levels; ++level) {
      if (level + 2 < levels) {
        for (std::size_t j = 0; j < N; ++j) fetch_grandchildren(tree, node[j]);
      }
      const float* weights[N];
      for (std::size_t j = 0; j < N; ++j) weights[j] = tree.weights + node[j] * tree.inputs;
      float z[N];
      if (node[0] == 0) {  // the root's weights are every row's; the next rows are prefetched
        const float* ahead[N];
        for (std::size_t j = 0; j < N; ++j) ahead[j] = x[j] + static_cast<std::int64_t>(N) * tree.inputs;
        simd::dots<N, 1>(x.data(), weights, tree.inputs, z, ahead);
      } else {
        simd::paired_dots<N>(x.data(), weights, tree.inputs, z);
      }
      for (std::size_t j = 0; j < N; ++j) {
        z[j] += tree.biases[node[j]];
        if (sign[j]) z[j] *= sign[j][level];
        if (logits[j]) logits[j][level] = z[j];
        node[j] = 2 * node[j] + 1 + (z[j] >= 0.f ? 1 : 0);
      }
    }
  }
};

// Calls f(b, N) for steps of N = 4 rows, then for single ones.
template <class F>
void in_fours(std::int64_t rows, F f) {
  std::int64_t b = 0;
  for (; b + 4 <= rows; b += 4) f(b, std::integral_constant<std::size_t, 4>());
  for (; b < rows; ++b) f(b, std::integral_constant<std::size_t, 1>());
}

}  // namespace

void route_serial(const DecisionTree& tree, const float* x, std::int64_t batch, std::int32_t* leaf, const float* sign,
                  float* logits) {
  in_fours(batch, [&]<std::size_t N>(std::int64_t b, std::integral_constant<std::size_t, N>) {
    Descent<N> rows;
    for (std::size_t j = 0; j < N; ++j) {
      const std::int64_t row = b + static_cast<std::int64_t>(j);
      rows.x[j] = x + row * tree.inputs;
      if (sign) rows.sign[j] = sign + row * tree.depth;
      if (logits) rows.logits[j] = logits + row * tree.depth;
    }
    rows.go(tree, tree.depth);
    for (std::size_t j = 0; j < N; ++j) {
      leaf[b + static_cast<std::int64_t>(j)] = static_cast<std::int32_t>(rows.node[j] - first_of_level(tree.depth));
    }
  });
}

void route(const DecisionTree& tree, const float* x, std::int64_t batch, std::int32_t* leaf, const float* sign,
           float* logits) {
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    route_serial(tree, x + begin * tree.inputs, end - begin, leaf + begin, sign ? sign + begin * tree.depth : nullptr,
                 logits ? logits + begin * tree.depth : nullptr);
  });
}

void route_others(const DecisionTree& tree, const float* x, std::int64_t batch, const std::int32_t* leaf,
                  const float* sign, std::int32_t* other) {
  const int depth = tree.depth;
  const std::int64_t signs = std::int64_t{depth} * (depth - 1) / 2;
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    in_fours(end - begin, [&]<std::size_t N>(std::int64_t step, std::integral_constant<std::size_t, N>) {
      std::int64_t first_sign = 0;
      for (int level = 0; level < depth; ++level) {
        Descent<N> rows;
        for (std::size_t j = 0; j < N; ++j) {
          const std::int64_t b = begin + step + static_cast<std::int64_t>(j);
          rows.x[j] = x + b * tree.inputs;
          rows.node[j] = sibling(leaf[b], level + 1, depth);
          if (sign) rows.sign[j] = sign + b * signs + first_sign;
        }
        rows.go(tree, depth - 1 - level);
        for (std::size_t j = 0; j < N; ++j) {
          other[(begin + step + static_cast<std::int64_t>(j)) * depth + level] =
              static_cast<std::int32_t>(rows.node[j] - first_of_level(depth));
        }
        first_sign += depth - 1 - level;
      }
    });
  });
}

void route_by_logits(const float* all, std::int64_t batch, int depth, std::int32_t* leaf, float* logits) {
  const std::int64_t nodes = first_of_level(depth);
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      std::int64_t node = 0;
      for (int level = 0; level < depth; ++level) {
        const float z = logits[b * depth + level] = all[b * nodes + node];
        node = 2 * node + 1 + (z >= 0.f ? 1 : 0);
      }
      leaf[b] = static_cast<std::int32_t>(node - nodes);
    }
  });
}

void route_others_by_logits(const float* all, std::int64_t batch, int depth, const std::int32_t* leaf,
                            std::int32_t* other) {
  const std::int64_t nodes = first_of_level(depth);
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      for (int level = 0; level < depth; ++level) {
        std::int64_t node = sibling(leaf[b], level + 1, depth);
        while (node < nodes) node = 2 * node + 1 + (all[b * nodes + node] >= 0.f ? 1 : 0);
        other[b * depth + level] = static_cast<std::int32_t>(node - nodes);
      }
    }
  });
}

}  // namespace canopy::kernels
