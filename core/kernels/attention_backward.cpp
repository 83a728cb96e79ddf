#include <algorithm>

#include <canopy/core/kernels/attention.hpp>
#include <canopy/core/kernels/attention_head.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

// dot[i] = dO[i] . O[i]: what each probability of query i has in common.
Tensor row_dots(HeadRows<const float> a, HeadRows<const float> b, std::int64_t rows, std::int64_t width) {
  Tensor dots({rows});
  for (float& dot : dots.mutable_elements()) {
    const std::int64_t i = &dot - dots.data();
    dot = static_cast<float>(simd::sum_serial(
        0, width, [](Batch u, Batch v) { return u * v; }, a[i], b[i]));
  }
  return dots;
}

// Of one head. With the probabilities P, the factors of dropout F (element by element) and O = (P F) V:
//   dV = (P F)^T dO,  dS = scale P (F (dO V^T) - sum over the row of dO O),  dQ = dS K,  dK = dS^T Q.
void attend_backward(const AttentionProblem& problem, const AttentionHead& head, const float* out,
                     const float* log_sums, const float* dout, float* dqkv) {
  const std::int64_t width = problem.width(), keys = head.key_count();
  const float scale = problem.options.scale;
  const bool drops = problem.options.dropout > 0.f;
  const auto [dqueries, dkeys, dvalues] = head.parts(dqkv);
  if (keys == 0) clear(dqueries, 0, head.tokens(), width);
  Tensor gathered;
  HeadRows<float> dkeys_seen = dkeys, dvalues_seen = dvalues;
  if (head.gathers()) {
    for (const HeadRows<float>& rows : {dkeys, dvalues}) clear(rows, 0, head.tokens(), width);
    gathered = Tensor({2, keys, width});
    dkeys_seen = {gathered.mutable_data(), width};
    dvalues_seen = {dkeys_seen[keys], width};
  }

  const HeadRows<const float> dresult = head.output(dout);
  const Tensor dots = row_dots(head.output(out), dresult, head.tokens(), width);
  const std::int64_t most_queries = std::min(head.tokens(), attention_tile), most_keys = std::min(keys, attention_tile);
  Tensor tiles({2, most_queries, most_keys}), dropped({drops ? most_queries : 0, most_keys}), factors({most_keys});
  for (std::int64_t begin = 0; begin < keys; begin += attention_tile) {
    const std::int64_t end = std::min(keys, begin + attention_tile), n = end - begin;
    Update of_keys = Update::overwrite;  // by the first tile of queries that sees these keys: the last query sees all
    for (std::int64_t first = 0; first < head.tokens(); first += attention_tile) {
      const std::int64_t last = std::min(head.tokens(), first + attention_tile), m = last - first;
      if (head.visible(last - 1, begin, end) == 0) {
        if (begin == 0) clear(dqueries, first, last, width);  // then they see no others
        continue;
      }
      const HeadRows<float> p{tiles.mutable_data(), n}, ds{p[most_queries], n};
      const HeadRows<float> p_dropped = drops ? HeadRows<float>{dropped.mutable_data(), n} : p;
      gemm_direct(factor(head.queries(), first, last, width), transposed(factor(head.keys(), begin, end, width)),
                  {p.data, m, n});
      gemm_direct(factor(dresult, first, last, width), transposed(factor(head.values(), begin, end, width)),
                  {ds.data, m, n});
      for (std::int64_t i = first; i < last; ++i) {
        float *p_row = p[i - first], *ds_row = ds[i - first];
        masked_exponentials(p_row, scale, head.statistic(log_sums, i), head.visible(i, begin, end), n);
        if (drops) {
          head.dropout_factors(i, begin, end, factors.mutable_data());
          weigh_row(ds_row, factors.data(), n);
          std::copy_n(p_row, n, p_dropped[i - first]);
          weigh_row(p_dropped[i - first], factors.data(), n);
        }
        const auto gradient = [dot = Batch(dots.data()[i]), s = Batch(scale)](Batch probability, Batch d) {
          return s * probability * (d - dot);
        };
        simd::map_serial(0, n, ds_row, gradient, static_cast<const float*>(p_row), static_cast<const float*>(ds_row));
      }
      gemm_direct(transposed({p_dropped.data, m, n}), factor(dresult, first, last, width),
                  destination(dvalues_seen, begin, end, width), of_keys);
      gemm_direct({ds.data, m, n}, factor(head.keys(), begin, end, width), destination(dqueries, first, last, width),
                  begin > 0 ? Update::add : Update::overwrite);
      gemm_direct(transposed({ds.data, m, n}), factor(head.queries(), first, last, width),
                  destination(dkeys_seen, begin, end, width), of_keys);
      of_keys = Update::add;
    }
  }
  if (head.gathers()) {
    head.scatter(dkeys_seen, dkeys);
    head.scatter(dvalues_seen, dvalues);
  }
}

}  // namespace

void attention_backward(const Sequences& sequences, const AttentionLayout& layout, const AttentionOptions& options,
                        const float* qkv, const float* out, const float* log_sums, const float* dout, float* dqkv) {
  const AttentionProblem problem{sequences, layout, options, qkv};
  parallel_for(sequences.count() * layout.heads, units_a_thread(sequences, layout.width, 5),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t unit = begin; unit < end; ++unit) {
                   const AttentionHead head(problem, unit / layout.heads, unit % layout.heads);
                   attend_backward(problem, head, out, log_sums, dout, dqkv);
                 }
               });
}

}  // namespace canopy::kernels
