#include <canopy/core/kernels/attention.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <canopy/core/kernels/attention_head.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>

namespace canopy::kernels {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// The soft-max of one query so far: its exponentials are relative to the largest score that was seen.
struct RunningSoftmax {
  float largest = -infinity;
  float total = 0.f;

  // Replaces n of `all` further scores by their exponentials, and returns the factor for what was computed before.
  float add(float* scores, float scale, std::int64_t n, std::int64_t all) {
    const float before = largest;
    largest = std::max(largest, scale * simd::maximum_of(scores, n));
    const float shift = largest == -infinity ? 0.f : largest;
    const float factor = before == -infinity ? 0.f : std::exp(before - shift);
    total = total * factor + masked_exponentials(scores, scale, shift, n, all);
    return factor;
  }
};

// Queries [first, last) of a head.
void attend(const AttentionProblem& problem, const AttentionHead& head, std::int64_t first, std::int64_t last,
            float* out, float* log_sums) {
  const std::int64_t width = problem.width(), keys = head.visible(last - 1);
  const HeadRows<float> result = head.output(out);
  if (keys == 0) clear(result, first, last, width);

  Tensor tile({last - first, std::min(keys, attention_tile)}), factors({std::min(keys, attention_tile)});
  std::vector<RunningSoftmax> softmax(static_cast<std::size_t>(last - first));
  for (std::int64_t begin = 0; begin < keys; begin += attention_tile) {
    const std::int64_t end = std::min(keys, begin + attention_tile), n = end - begin;
    const HeadRows<float> scores{tile.mutable_data(), n};
    gemm_direct(factor(head.queries(), first, last, width), transposed(factor(head.keys(), begin, end, width)),
                {scores.data, last - first, n});
    for (std::int64_t i = first; i < last; ++i) {
      float* row = scores[i - first];
      const std::int64_t seen = head.visible(i, begin, end);
      const float rescale = softmax[static_cast<std::size_t>(i - first)].add(row, problem.options.scale, seen, n);
      if (begin > 0 && rescale != 1.f) scale_row(result[i], rescale, width);
      if (problem.options.dropout > 0.f) {
        head.dropout_factors(i, begin, end, factors.mutable_data());
        weigh_row(row, factors.data(), seen);
      }
    }
    gemm_direct({scores.data, last - first, n}, factor(head.values(), begin, end, width),
                destination(result, first, last, width), begin > 0 ? Update::add : Update::overwrite);
  }

  for (std::int64_t i = first; i < last; ++i) {
    const auto [largest, total] = softmax[static_cast<std::size_t>(i - first)];
    const bool sees_nothing = total == 0.f;
    if (!sees_nothing) scale_row(result[i], 1.f / total, width);
    head.statistic(log_sums, i) = sees_nothing ? infinity : largest + std::log(total);
  }
}

// Tiles of queries: the unit of work of a forward pass.
std::int64_t query_tiles(const Sequences& sequences) {
  return (sequences.longest() + attention_tile - 1) / attention_tile;
}

}  // namespace

std::uint64_t attention_random_blocks(const Sequences& sequences, const AttentionLayout& layout) {
  return static_cast<std::uint64_t>(sequences.rows() * layout.heads) * blocks_a_query(sequences);
}

void attention(const Sequences& sequences, const AttentionLayout& layout, const AttentionOptions& options,
               const float* qkv, float* out, float* log_sums) {
  const AttentionProblem problem{sequences, layout, options, qkv};
  const std::int64_t tiles = query_tiles(sequences);
  parallel_for(sequences.count() * layout.heads * tiles, units_a_thread(sequences, layout.width, 2),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t unit = begin; unit < end; ++unit) {
                   const std::int64_t sequence = unit / (layout.heads * tiles);
                   const std::int64_t first = unit % tiles * attention_tile;
                   const std::int64_t last = std::min(sequences.tokens(sequence), first + attention_tile);
                   if (first >= last) continue;
                   const AttentionHead head(problem, sequence, unit / tiles % layout.heads);
                   attend(problem, head, first, last, out, log_sums);
                 }
               });
}

}  // namespace canopy::kernels
