#include <canopy/core/kernels/tree_inference.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <type_traits>
#include <vector>

#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/grouping.hpp>
#include <canopy/core/kernels/simd_dots.hpp>
#include <canopy/core/kernels/simd_sums.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

constexpr std::int64_t rows_grain = 64;

// Rows of one leaf that are computed together, neurons of a tile's sums, inputs of a piece: 16 rows and 8 neurons of
// weights of a piece, and their sums, fit the first cache.
constexpr std::int64_t longest_run = 16;
constexpr std::int64_t widest_tile = 8;
constexpr std::int64_t longest_piece = 448;

// R rows x against N consecutive rows of w, of which n numbers are at hand, each read once: sums[r][j] += x[r] * w_j.
template <std::size_t R, std::size_t N>
void tile(const float* const* x, const float* w, std::int64_t stride, std::int64_t n, Batch (*sums)[widest_tile]) {
  Batch sum[R][N];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < N; ++j) sum[r][j] = sums[r][j];
  }
  const auto add = [&](auto, std::int64_t, auto load) __attribute__((always_inline)) {
    Batch xi[R];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < R; ++r) xi[r] = load(x[r]);
#pragma GCC unroll 8
    for (std::size_t j = 0; j < N; ++j) {
      Batch wi = load(w + static_cast<std::int64_t>(j) * stride);
      simd::keep_in_register(wi);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < R; ++r) sum[r][j] = xsimd::fma(xi[r], wi, sum[r][j]);
    }
  };
  simd::for_each_register(n, add);
#pragma GCC unroll 8
  for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < N; ++j) sums[r][j] = sum[r][j];
  }
}

// One step of a tile's width or height: calls f with the widest of 4, 2, 1 that fits, until `count` is used up.
template <class F>
void in_steps(std::int64_t count, F f) {
  std::int64_t at = 0;
  for (; at + 4 <= count; at += 4) f(at, std::integral_constant<std::size_t, 4>());
  if (at + 2 <= count) {
    f(at, std::integral_constant<std::size_t, 2>());
    at += 2;
  }
  if (at < count) f(at, std::integral_constant<std::size_t, 1>());
}

// Asks for `count` floats. Inlined, since GCC takes a call that does nothing but prefetch for one without effect.
inline __attribute__((always_inline)) void fetch(const float* p, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += simd::cache_line) __builtin_prefetch(p + i, 0, 2);
}

// Asks for what a leaf needs behind its first weights; of a long bias the first lines, whose successors the processor
// asks for itself.
inline __attribute__((always_inline)) void fetch_outputs(const Leaves& leaves, std::int64_t leaf) {
  fetch(leaves.b1 + leaf * leaves.width, leaves.width);
  fetch(leaves.w2 + leaf * leaves.width * leaves.outputs, leaves.width * leaves.outputs);
  fetch(leaves.b2 + leaf * leaves.outputs, std::min(leaves.outputs, 4 * simd::cache_line));
}

// hidden[r] = x[r] W1^T for a run of rows that were sent to the same leaf. Inputs in pieces, so that a piece of the
// leaf's weights stays in the first cache while all rows of the run pass by: rows one by one would wait for the second.
void hidden_of_run(const Leaves& leaves, const float* const* x, std::int64_t rows, std::int64_t leaf,
                   float* const* hidden) {
  const std::int64_t pieces = (leaves.inputs + longest_piece - 1) / longest_piece;
  const std::int64_t piece = (leaves.inputs / pieces / simd::width + 1) * simd::width;
  Batch sums[longest_run][widest_tile];
  for (std::int64_t first = 0; first < leaves.width; first += widest_tile) {
    const std::int64_t neurons = std::min<std::int64_t>(widest_tile, leaves.width - first);
    const float* w = leaves.w1 + (leaf * leaves.width + first) * leaves.inputs;
    for (std::int64_t r = 0; r < rows; ++r) std::fill_n(sums[r], neurons, Batch(0.f));
    for (std::int64_t i = 0; i < leaves.inputs; i += piece) {
      const std::int64_t n = std::min(piece, leaves.inputs - i);
      in_steps(rows, [&]<std::size_t R>(std::int64_t r, std::integral_constant<std::size_t, R>) {
        const float* xi[R];
        for (std::size_t k = 0; k < R; ++k) xi[k] = x[r + static_cast<std::int64_t>(k)] + i;
        in_steps(neurons, [&]<std::size_t N>(std::int64_t j, std::integral_constant<std::size_t, N>) {
          tile<R, N>(xi, w + j * leaves.inputs + i, leaves.inputs, n,
                     reinterpret_cast<Batch(*)[widest_tile]>(&sums[r][j]));
        });
      });
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t j = 0; j < neurons; ++j) hidden[r][first + j] = simd::reduce_add(sums[r][j]);
    }
  }
}

// Leaves of one neuron: four rows, each against the weights of its own leaf.
void hidden_of_narrow_leaves(const Leaves& leaves, const float* x, std::int64_t rows, const std::int32_t* leaf,
                             float* hidden) {
  const auto row = [&](std::int64_t b) { return x + b * leaves.inputs; };
  const auto weights = [&](std::int64_t b) { return leaves.w1 + leaf[b] * leaves.inputs; };
  std::int64_t b = 0;
  for (; b + 4 <= rows; b += 4) {
    const float* const four_rows[] = {row(b), row(b + 1), row(b + 2), row(b + 3)};
    const float* const their_weights[] = {weights(b), weights(b + 1), weights(b + 2), weights(b + 3)};
    simd::paired_dots<4>(four_rows, their_weights, leaves.inputs, hidden + b);
  }
  for (; b < rows; ++b) {
    const float *const one_row = row(b), *const its_weights = weights(b);
    simd::paired_dots<1>(&one_row, &its_weights, leaves.inputs, hidden + b);
  }
}

// Wider leaves: rows of the same leaf together, so that its weights are read from cache once for four of them.
void hidden_of_wide_leaves(const Leaves& leaves, const float* x, std::int64_t rows, const std::int32_t* leaf,
                           float* hidden) {
  std::array<std::int32_t, rows_grain> order;
  std::iota(order.begin(), order.begin() + rows, 0);
  std::sort(order.begin(), order.begin() + rows,
            [&](std::int32_t a, std::int32_t b) { return leaf[a] != leaf[b] ? leaf[a] < leaf[b] : a < b; });
  for (std::int64_t i = 0; i < rows;) {
    const std::int32_t here = leaf[order[static_cast<std::size_t>(i)]];
    const float* x_of_run[longest_run];
    float* hidden_of_rows[longest_run];
    std::int64_t length = 0;
    for (; i < rows && length < longest_run; ++i, ++length) {
      const std::int32_t row = order[static_cast<std::size_t>(i)];
      if (leaf[row] != here) break;
      x_of_run[length] = x + row * leaves.inputs;
      hidden_of_rows[length] = hidden + row * leaves.width;
    }
    hidden_of_run(leaves, x_of_run, length, here, hidden_of_rows);
  }
}

// y = activation(hidden + b1) W2 + b2 of each row's leaf; `hidden` is overwritten.
void outputs_of_rows(const Leaves& leaves, std::int64_t rows, const std::int32_t* leaf, float* hidden, float* y) {
  for (std::int64_t b = 0; b < rows; ++b) {
    const float* bias = leaves.b1 + leaf[b] * leaves.width;
    for (std::int64_t j = 0; j < leaves.width; ++j) hidden[b * leaves.width + j] += bias[j];
  }
  activate(leaves.activation, hidden, hidden, rows * leaves.width);
  for (std::int64_t b = 0; b < rows; ++b) {
    const float* w2 = leaves.w2 + leaf[b] * leaves.width * leaves.outputs;
    const float* b2 = leaves.b2 + leaf[b] * leaves.outputs;
    for (std::int64_t o = 0; o < leaves.outputs; o += simd::width) {
      const std::int64_t count = std::min(simd::width, leaves.outputs - o);
      Batch sum = simd::load_partial(b2 + o, count);
      for (std::int64_t j = 0; j < leaves.width; ++j) {
        const Batch w = simd::load_partial(w2 + j * leaves.outputs + o, count);
        sum = xsimd::fma(Batch(hidden[b * leaves.width + j]), w, sum);
      }
      simd::store_partial(y + b * leaves.outputs + o, sum, count);
    }
  }
}

// The rows that were sent to one leaf, `order` [n], n <= longest_run, with outputs of many registers: a strip of
// columns for all rows, so that a strip's weights are read from the first cache. What the leaf and the next one will
// need is asked for in time: with many leaves every one comes from memory.
void run_of_leaf(const Leaves& leaves, const float* x, const std::int32_t* order, std::int64_t n, std::int64_t leaf,
                 std::int64_t next_leaf, float* hidden, float* y) {
  const float* w2 = leaves.w2 + leaf * leaves.width * leaves.outputs;
  const float* x_of_rows[longest_run] = {};
  float* hidden_of_rows[longest_run] = {};
  for (std::int64_t i = 0; i < n; ++i) {
    x_of_rows[i] = x + order[i] * leaves.inputs;
    hidden_of_rows[i] = hidden + i * leaves.width;
  }
  fetch_outputs(leaves, leaf);
  hidden_of_run(leaves, x_of_rows, n, leaf, hidden_of_rows);
  const float* b1 = leaves.b1 + leaf * leaves.width;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < leaves.width; ++j) hidden_of_rows[i][j] += b1[j];
  }
  activate(leaves.activation, hidden, hidden, n * leaves.width);
  if (next_leaf != leaf) fetch(leaves.w1 + next_leaf * leaves.width * leaves.inputs, leaves.width * leaves.inputs);

  const float* b2 = leaves.b2 + leaf * leaves.outputs;
  const auto each_row = [&](auto sum) {
    for (std::int64_t i = 0; i < n; ++i) {
      const float* h = hidden_of_rows[i];
      const auto term = [&](std::int64_t j) {
        return j == 0 ? simd::Term{1.f, b2} : simd::Term{h[j - 1], w2 + (j - 1) * leaves.outputs};
      };
      sum(term, y + order[i] * leaves.outputs);
    }
  };
  simd::for_each_strip(
      0, leaves.outputs,
      [&]<std::size_t S>(std::int64_t j, std::integral_constant<std::size_t, S>) {
        each_row([&](const auto& term, float* out) {
          simd::strip_sum<S, simd::Write::over>(j, leaves.width + 1, term, out);
        });
      },
      [&](std::int64_t j, std::int64_t count) {
        each_row([&](const auto& term, float* out) {
          simd::rest_sum<simd::Write::over>(j, count, leaves.width + 1, term, out);
        });
      });
}

// Rows of the whole batch in the order of their leaves, of which there are `count`.
void sorted_leaves(const Leaves& leaves, std::int64_t count, const float* x, std::int64_t batch,
                   const std::int32_t* leaf, float* y) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(batch));
  sort_by_group(leaf, batch, count, order.data());
  parallel_for(batch, longest_run, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> hidden(static_cast<std::size_t>(std::min(longest_run, end - begin) * leaves.width));
    const auto leaf_at = [&](std::int64_t i) { return leaf[order[static_cast<std::size_t>(i)]]; };
    for (std::int64_t i = begin; i < end;) {
      const std::int32_t here = leaf_at(i);
      std::int64_t n = 1;
      while (n < longest_run && i + n < end && leaf_at(i + n) == here) ++n;
      run_of_leaf(leaves, x, order.data() + i, n, here, i + n < end ? leaf_at(i + n) : here, hidden.data(), y);
      i += n;
    }
  });
}

// Rows [0, rows) of a block, by the order of their leaves within it.
void block_of_leaves(const Leaves& leaves, const float* x, std::int64_t rows, const std::int32_t* leaf, float* hidden,
                     float* y) {
  const auto hidden_of_leaves = leaves.width == 1 ? hidden_of_narrow_leaves : hidden_of_wide_leaves;
  hidden_of_leaves(leaves, x, rows, leaf, hidden);
  outputs_of_rows(leaves, rows, leaf, hidden, y);
}

}  // namespace

void hard_inference(const DecisionTree& tree, const Leaves& leaves, const float* x, std::int64_t batch,
                    std::int32_t* leaf, float* y) {
  // Wide outputs make a leaf's weights worth sharing among all rows; narrow ones are best computed for a block of rows
  // whose inputs are still in the cache from routing.
  if (leaves.outputs >= 4 * simd::cache_line) {
    route(tree, x, batch, leaf);
    sorted_leaves(leaves, std::int64_t{1} << tree.depth, x, batch, leaf, y);
    return;
  }
  parallel_for(batch, rows_grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> hidden(static_cast<std::size_t>(std::min(rows_grain, end - begin) * leaves.width));
    for (std::int64_t b = begin; b < end; b += rows_grain) {
      const std::int64_t rows = std::min(rows_grain, end - b);
      route_serial(tree, x + b * leaves.inputs, rows, leaf + b);
      block_of_leaves(leaves, x + b * leaves.inputs, rows, leaf + b, hidden.data(), y + b * leaves.outputs);
    }
  });
}

}  // namespace canopy::kernels
