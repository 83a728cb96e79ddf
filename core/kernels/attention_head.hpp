// One head of one sequence, as attention's forward and backward see it. Included by their sources only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <tuple>

#include <canopy/core/array.hpp>
#include <canopy/core/kernels/attention.hpp>
#include <canopy/core/kernels/dropout.hpp>
#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/simd_softmax.hpp>

namespace canopy::kernels {

// A tile of scores, so many queries by as many keys, stays in the second-level cache. A multiple of the registers'
// tiles, and of the four numbers that a block of a random stream has.
inline constexpr std::int64_t attention_tile = 192;

// Some of the rows of one head, `stride` numbers apart.
template <class T>
struct HeadRows {
  T* data;
  std::int64_t stride;

  T* operator[](std::int64_t i) const { return data + i * stride; }
};

inline Factor factor(HeadRows<const float> rows, std::int64_t begin, std::int64_t end, std::int64_t width) {
  return {rows[begin], end - begin, width, rows.stride};
}

inline Destination destination(HeadRows<float> rows, std::int64_t begin, std::int64_t end, std::int64_t width) {
  return {rows[begin], end - begin, width, rows.stride};
}

inline void clear(HeadRows<float> rows, std::int64_t begin, std::int64_t end, std::int64_t width) {
  for (std::int64_t i = begin; i < end; ++i) std::fill_n(rows[i], width, 0.f);
}

// Blocks of the random stream, four numbers each, for the probabilities of one query.
inline std::uint64_t blocks_a_query(const Sequences& sequences) {
  return static_cast<std::uint64_t>((sequences.longest() + 3) / 4);
}

struct AttentionProblem {
  const Sequences& sequences;
  const AttentionLayout& layout;
  const AttentionOptions& options;
  const float* qkv;

  std::int64_t heads() const { return layout.heads; }
  std::int64_t width() const { return layout.width; }
};

// One head of one sequence.
class AttentionHead {
 public:
  AttentionHead(const AttentionProblem& problem, std::int64_t sequence, std::int64_t head)
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
  HeadRows<const float> queries() const { return queries_; }
  HeadRows<const float> keys() const { return keys_; }
  HeadRows<const float> values() const { return values_; }

  // Queries, keys and values of this head in an array like qkv.
  template <class T>
  std::tuple<HeadRows<T>, HeadRows<T>, HeadRows<T>> parts(T* data) const {
    const AttentionLayout& layout = problem_.layout;
    T* rows = data + first_row_ * layout.row();
    return {{rows + layout.query(head_), layout.row()},
            {rows + layout.key(head_), layout.row()},
            {rows + layout.value(head_), layout.row()}};
  }
  // This head in [rows, heads width].
  template <class T>
  HeadRows<T> output(T* data) const {
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
  void scatter(HeadRows<float> gathered, HeadRows<float> to) const {
    for (std::int64_t i = 0; i < key_count(); ++i) {
      std::copy_n(gathered[i], problem_.width(), to[valid_[static_cast<std::size_t>(i)]]);
    }
  }

 private:
  HeadRows<const float> gathered(HeadRows<const float> from, Tensor& to) const {
    to = Tensor({key_count(), problem_.width()});
    float* out = to.mutable_data();
    for (const std::int32_t key : valid_) out = std::copy_n(from[key], problem_.width(), out);
    return {to.data(), problem_.width()};
  }

  const AttentionProblem& problem_;
  std::int64_t first_row_, tokens_, head_;
  std::span<const std::int32_t> valid_;
  bool is_masked_;
  HeadRows<const float> queries_, keys_, values_;
  Tensor gathered_keys_, gathered_values_;
};

// x = exp(scale x - shift) for the first n numbers of `all`, then zeros; returns their sum.
inline float masked_exponentials(float* x, float scale, float shift, std::int64_t n, std::int64_t all) {
  std::fill(x + n, x + all, 0.f);
  return simd::exponentials(x, scale, shift, x, n);
}

inline void scale_row(float* x, float factor, std::int64_t n) {
  simd::map_serial(
      0, n, x, [f = simd::Batch(factor)](simd::Batch v) { return f * v; }, static_cast<const float*>(x));
}

inline void weigh_row(float* x, const float* factors, std::int64_t n) {
  simd::map_serial(
      0, n, x, [](simd::Batch v, simd::Batch f) { return v * f; }, static_cast<const float*>(x), factors);
}

// Units that make a thread worth waking, of `products` tokens x tokens x width each.
inline std::int64_t units_a_thread(const Sequences& sequences, std::int64_t width, std::int64_t products) {
  constexpr std::int64_t worth_a_thread = 1 << 20;  // multiplications
  const std::int64_t tokens = std::min(sequences.longest(), 2 * attention_tile);
  return std::max<std::int64_t>(1, worth_a_thread / std::max<std::int64_t>(1, products * tokens * tokens * width));
}

}  // namespace canopy::kernels
