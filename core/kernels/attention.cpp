#include <canopy/core/kernels/attention.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/kernels/dropout.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>
#include <canopy/core/kernels/simd_math.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

constexpr float infinity = std::numeric_limits<float>::infinity();

// A tile of scores stays in the second-level cache. Its edges are multiples of the registers' tiles, and of the four
// numbers that a block of a random stream has.
constexpr std::int64_t tile_queries = 192;
constexpr std::int64_t tile_keys = 192;

// Some of the rows of one head, `stride` numbers apart.
template <class T>
struct Rows {
  T* data;
  std::int64_t stride;

  T* operator[](std::int64_t i) const { return data + i * stride; }
};

Factor factor(Rows<const float> rows, std::int64_t begin, std::int64_t end, std::int64_t width) {
  return {rows[begin], end - begin, width, rows.stride};
}

Destination destination(Rows<float> rows, std::int64_t begin, std::int64_t end, std::int64_t width) {
  return {rows[begin], end - begin, width, rows.stride};
}

// Blocks of the random stream, four numbers each, for the probabilities of one query.
std::uint64_t blocks_a_query(const Sequences& sequences) {
  return static_cast<std::uint64_t>((sequences.longest() + 3) / 4);
}

struct Problem {
  const Sequences& sequences;
  const AttentionLayout& layout;
  const AttentionOptions& options;
  const float* qkv;

  std::int64_t heads() const { return layout.heads; }
  std::int64_t width() const { return layout.width; }
};

// One head of one sequence.
class Head {
 public:
  Head(const Problem& problem, std::int64_t sequence, std::int64_t head)
      : problem_(problem),
        first_row_(problem.sequences.begin(sequence)),
        tokens_(problem.sequences.tokens(sequence)),
        head_(head),
        valid_(problem.sequences.keys(sequence)),
        is_masked_(!problem.sequences.all_valid()) {
    std::tie(queries_, keys_, values_) = parts(problem.qkv);
    if (is_masked_ && key_count() < tokens_) {
      keys_ = gathered(keys_, gathered_keys_);
      values_ = gathered(values_, gathered_values_);
    }
  }

  std::int64_t row(std::int64_t query) const { return first_row_ + query; }
  std::int64_t tokens() const { return tokens_; }
  std::int64_t key_count() const { return is_masked_ ? static_cast<std::int64_t>(valid_.size()) : tokens_; }
  Rows<const float> queries() const { return queries_; }
  Rows<const float> keys() const { return keys_; }
  Rows<const float> values() const { return values_; }

  // Queries, keys and values of this head in an array like qkv.
  template <class T>
  std::tuple<Rows<T>, Rows<T>, Rows<T>> parts(T* data) const {
    const AttentionLayout& layout = problem_.layout;
    T* rows = data + first_row_ * layout.row();
    return {{rows + layout.query(head_), layout.row()},
            {rows + layout.key(head_), layout.row()},
            {rows + layout.value(head_), layout.row()}};
  }
  // This head in [rows, heads width].
  template <class T>
  Rows<T> output(T* data) const {
    const std::int64_t stride = problem_.heads() * problem_.width();
    return {data + first_row_ * stride + head_ * problem_.width(), stride};
  }
  // A number of query i in [rows, heads].
  template <class T>
  T& statistic(T* data, std::int64_t query) const {
    return data[row(query) * problem_.heads() + head_];
  }

  // How many keys query i sees: keys are sorted.
  std::int64_t visible(std::int64_t query) const {
    if (!problem_.options.causal) return key_count();
    if (!is_masked_) return query + 1;
    return std::upper_bound(valid_.begin(), valid_.end(), static_cast<std::int32_t>(query)) - valid_.begin();
  }
  // Of keys [begin, end), as a number of keys from begin on.
  std::int64_t visible(std::int64_t query, std::int64_t begin, std::int64_t end) const {
    return std::clamp(visible(query), begin, end) - begin;
  }

  // The factors that dropout gives the probabilities of query i and keys [begin, end).
  void dropout_factors(std::int64_t query, std::int64_t begin, std::int64_t end, float* factors) const {
    RandomStream stream = problem_.options.stream;
    const auto place = static_cast<std::uint64_t>(row(query) * problem_.heads() + head_);
    stream.seek(stream.position() + place * blocks_a_query(problem_.sequences) + static_cast<std::uint64_t>(begin / 4));
    dropout_mask(stream, problem_.options.dropout, factors, end - begin);
  }

  // Whether keys() and values() are copies of the valid rows, whose gradients scatter() brings back.
  bool gathers() const { return !gathered_keys_.empty() || key_count() == 0; }
  void scatter(Rows<float> gathered, Rows<float> to) const {
    for (std::int64_t i = 0; i < key_count(); ++i) {
      std::copy_n(gathered[i], problem_.width(), to[valid_[static_cast<std::size_t>(i)]]);
    }
  }

 private:
  Rows<const float> gathered(Rows<const float> from, Tensor& to) const {
    to = Tensor({key_count(), problem_.width()});
    float* out = to.mutable_data();
    for (const std::int32_t key : valid_) out = std::copy_n(from[key], problem_.width(), out);
    return {to.data(), problem_.width()};
  }

  const Problem& problem_;
  std::int64_t first_row_, tokens_, head_;
  std::span<const std::int32_t> valid_;
  bool is_masked_;
  Rows<const float> queries_, keys_, values_;
  Tensor gathered_keys_, gathered_values_;
};

// Padding of the last register is exp(-infinity) = 0: scales are positive.
float largest_of(const float* x, std::int64_t n) {
  Batch best(-infinity);
  std::int64_t i = 0;
  for (; i + simd::width <= n; i += simd::width) best = xsimd::max(best, simd::load(x + i));
  if (i < n) best = xsimd::max(best, simd::load_partial(x + i, n - i, -infinity));
  return simd::largest_lane(best);
}

// x = exp(scale x - shift) for the first n numbers of `all`, then zeros; returns their sum.
float exponentials(float* x, float scale, float shift, std::int64_t n, std::int64_t all) {
  const auto exponential = [factor = Batch(scale), minus_shift = Batch(-shift)](Batch v) {
    return simd::exp(xsimd::fma(factor, v, minus_shift));
  };
  Batch sum(0.f);
  std::int64_t i = 0;
  for (; i + simd::width <= n; i += simd::width) {
    const Batch e = exponential(simd::load(x + i));
    simd::store(x + i, e);
    sum += e;
  }
  if (i < n) {
    const Batch e = exponential(simd::load_partial(x + i, n - i, -infinity));
    simd::store_partial(x + i, e, n - i);
    sum += e;
  }
  std::fill(x + n, x + all, 0.f);
  return simd::reduce_add(sum);
}

void multiply(float* x, float factor, std::int64_t n) {
  simd::map_serial(
      0, n, x, [f = Batch(factor)](Batch v) { return f * v; }, static_cast<const float*>(x));
}

void multiply(float* x, const float* factors, std::int64_t n) {
  simd::map_serial(
      0, n, x, [](Batch v, Batch f) { return v * f; }, static_cast<const float*>(x), factors);
}

// The soft-max of one query so far: its exponentials are relative to the largest score that was seen.
struct RunningSoftmax {
  float largest = -infinity;
  float total = 0.f;

  // Replaces n of `all` further scores by their exponentials, and returns the factor for what was computed before.
  float add(float* scores, float scale, std::int64_t n, std::int64_t all) {
    const float before = largest;
    largest = std::max(largest, scale * largest_of(scores, n));
    const float shift = largest == -infinity ? 0.f : largest;
    const float factor = before == -infinity ? 0.f : std::exp(before - shift);
    total = total * factor + exponentials(scores, scale, shift, n, all);
    return factor;
  }
};

// Queries [first, last) of a head.
void attend(const Problem& problem, const Head& head, std::int64_t first, std::int64_t last, float* out,
            float* log_sums) {
  const std::int64_t width = problem.width(), keys = head.visible(last - 1);
  const Rows<float> result = head.output(out);
  for (std::int64_t i = first; i < last; ++i) std::fill_n(result[i], width, 0.f);

  Tensor tile({last - first, std::min(keys, tile_keys)}), factors({std::min(keys, tile_keys)});
  std::vector<RunningSoftmax> softmax(static_cast<std::size_t>(last - first));
  for (std::int64_t begin = 0; begin < keys; begin += tile_keys) {
    const std::int64_t end = std::min(keys, begin + tile_keys), n = end - begin;
    const Rows<float> scores{tile.mutable_data(), n};
    gemm_direct(factor(head.queries(), first, last, width), transposed(factor(head.keys(), begin, end, width)),
                {scores.data, last - first, n});
    for (std::int64_t i = first; i < last; ++i) {
      float* row = scores[i - first];
      const std::int64_t seen = head.visible(i, begin, end);
      const float rescale = softmax[static_cast<std::size_t>(i - first)].add(row, problem.options.scale, seen, n);
      if (begin > 0 && rescale != 1.f) multiply(result[i], rescale, width);
      if (problem.options.dropout > 0.f) {
        head.dropout_factors(i, begin, end, factors.mutable_data());
        multiply(row, factors.data(), seen);
      }
    }
    gemm_direct({scores.data, last - first, n}, factor(head.values(), begin, end, width),
                destination(result, first, last, width), Update::add);
  }

  for (std::int64_t i = first; i < last; ++i) {
    const auto [largest, total] = softmax[static_cast<std::size_t>(i - first)];
    const bool sees_nothing = total == 0.f;
    if (!sees_nothing) multiply(result[i], 1.f / total, width);
    head.statistic(log_sums, i) = sees_nothing ? infinity : largest + std::log(total);
  }
}

// dot[i] = dO[i] . O[i]: what each probability of query i has in common.
Tensor row_dots(Rows<const float> a, Rows<const float> b, std::int64_t rows, std::int64_t width) {
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
void attend_backward(const Problem& problem, const Head& head, const float* out, const float* log_sums,
                     const float* dout, float* dqkv) {
  const std::int64_t width = problem.width(), keys = head.key_count();
  const float scale = problem.options.scale;
  const bool drops = problem.options.dropout > 0.f;
  const auto [dqueries, dkeys, dvalues] = head.parts(dqkv);
  for (std::int64_t i = 0; i < head.tokens(); ++i) {
    for (float* row : {dqueries[i], dkeys[i], dvalues[i]}) std::fill_n(row, width, 0.f);
  }
  Tensor gathered;
  Rows<float> dkeys_seen = dkeys, dvalues_seen = dvalues;
  if (head.gathers()) {
    gathered = Tensor::zeros({2, keys, width});
    dkeys_seen = {gathered.mutable_data(), width};
    dvalues_seen = {dkeys_seen[keys], width};
  }

  const Rows<const float> dresult = head.output(dout);
  const Tensor dots = row_dots(head.output(out), dresult, head.tokens(), width);
  const std::int64_t most_queries = std::min(head.tokens(), tile_queries), most_keys = std::min(keys, tile_keys);
  Tensor tiles({2, most_queries, most_keys}), dropped({drops ? most_queries : 0, most_keys}), factors({most_keys});
  for (std::int64_t begin = 0; begin < keys; begin += tile_keys) {
    const std::int64_t end = std::min(keys, begin + tile_keys), n = end - begin;
    for (std::int64_t first = 0; first < head.tokens(); first += tile_queries) {
      const std::int64_t last = std::min(head.tokens(), first + tile_queries), m = last - first;
      if (head.visible(last - 1, begin, end) == 0) continue;
      const Rows<float> p{tiles.mutable_data(), n}, ds{p[most_queries], n};
      const Rows<float> p_dropped = drops ? Rows<float>{dropped.mutable_data(), n} : p;
      gemm_direct(factor(head.queries(), first, last, width), transposed(factor(head.keys(), begin, end, width)),
                  {p.data, m, n});
      gemm_direct(factor(dresult, first, last, width), transposed(factor(head.values(), begin, end, width)),
                  {ds.data, m, n});
      for (std::int64_t i = first; i < last; ++i) {
        float *p_row = p[i - first], *ds_row = ds[i - first];
        exponentials(p_row, scale, head.statistic(log_sums, i), head.visible(i, begin, end), n);
        if (drops) {
          head.dropout_factors(i, begin, end, factors.mutable_data());
          multiply(ds_row, factors.data(), n);
          std::copy_n(p_row, n, p_dropped[i - first]);
          multiply(p_dropped[i - first], factors.data(), n);
        }
        const auto gradient = [dot = Batch(dots.data()[i]), s = Batch(scale)](Batch probability, Batch d) {
          return s * probability * (d - dot);
        };
        simd::map_serial(0, n, ds_row, gradient, static_cast<const float*>(p_row), static_cast<const float*>(ds_row));
      }
      gemm_direct(transposed({p_dropped.data, m, n}), factor(dresult, first, last, width),
                  destination(dvalues_seen, begin, end, width), Update::add);
      gemm_direct({ds.data, m, n}, factor(head.keys(), begin, end, width), destination(dqueries, first, last, width),
                  Update::add);
      gemm_direct(transposed({ds.data, m, n}), factor(head.queries(), first, last, width),
                  destination(dkeys_seen, begin, end, width), Update::add);
    }
  }
  if (head.gathers()) {
    head.scatter(dkeys_seen, dkeys);
    head.scatter(dvalues_seen, dvalues);
  }
}

// Tiles of queries: the unit of work of a forward pass.
std::int64_t query_tiles(const Sequences& sequences) { return (sequences.longest() + tile_queries - 1) / tile_queries; }

// Units that make a thread worth waking, of `products` tokens x tokens x width each.
std::int64_t units_a_thread(const Sequences& sequences, std::int64_t width, std::int64_t products) {
  constexpr std::int64_t worth_a_thread = 1 << 20;  // multiplications
  const std::int64_t tokens = std::min(sequences.longest(), 2 * tile_queries);
  return std::max<std::int64_t>(1, worth_a_thread / std::max<std::int64_t>(1, products * tokens * tokens * width));
}

}  // namespace

std::uint64_t attention_random_blocks(const Sequences& sequences, const AttentionLayout& layout) {
  return static_cast<std::uint64_t>(sequences.rows() * layout.heads) * blocks_a_query(sequences);
}

void attention(const Sequences& sequences, const AttentionLayout& layout, const AttentionOptions& options,
               const float* qkv, float* out, float* log_sums) {
  const Problem problem{sequences, layout, options, qkv};
  const std::int64_t tiles = query_tiles(sequences);
  parallel_for(sequences.count() * layout.heads * tiles, units_a_thread(sequences, layout.width, 2),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t unit = begin; unit < end; ++unit) {
                   const std::int64_t sequence = unit / (layout.heads * tiles);
                   const std::int64_t first = unit % tiles * tile_queries;
                   const std::int64_t last = std::min(sequences.tokens(sequence), first + tile_queries);
                   if (first >= last) continue;
                   const Head head(problem, sequence, unit / tiles % layout.heads);
                   attend(problem, head, first, last, out, log_sums);
                 }
               });
}

void attention_backward(const Sequences& sequences, const AttentionLayout& layout, const AttentionOptions& options,
                        const float* qkv, const float* out, const float* log_sums, const float* dout, float* dqkv) {
  const Problem problem{sequences, layout, options, qkv};
  parallel_for(sequences.count() * layout.heads, units_a_thread(sequences, layout.width, 5),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t unit = begin; unit < end; ++unit) {
                   const Head head(problem, unit / layout.heads, unit % layout.heads);
                   attend_backward(problem, head, out, log_sums, dout, dqkv);
                 }
               });
}

}  // namespace canopy::kernels
