#include <canopy/core/kernels/tree_inference.hpp>

#include <array>
#include <cstddef>
#include <vector>

#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

constexpr std::int64_t rows_grain = 64;

// N dot products side by side: one alone would wait for each of its own additions.
template <std::size_t N>
std::array<float, N> dots(const std::array<const float*, N>& x, const std::array<const float*, N>& w, std::int64_t n) {
  std::array<Batch, N> sums;
  sums.fill(Batch(0.f));
  std::int64_t i = 0;
  for (; i + simd::width <= n; i += simd::width) {
    for (std::size_t j = 0; j < N; ++j) sums[j] = xsimd::fma(simd::load(x[j] + i), simd::load(w[j] + i), sums[j]);
  }
  std::array<float, N> result;
  for (std::size_t j = 0; j < N; ++j) {
    if (i < n) {
      sums[j] = xsimd::fma(simd::load_partial(x[j] + i, n - i), simd::load_partial(w[j] + i, n - i), sums[j]);
    }
    result[j] = xsimd::hadd(sums[j]);
  }
  return result;
}

// The same x against N consecutive rows of w: x is read once.
template <std::size_t N>
std::array<float, N> dots_of_row(const float* x, const float* w, std::int64_t n) {
  std::array<const float*, N> xs;
  std::array<const float*, N> ws;
  for (std::size_t j = 0; j < N; ++j) {
    xs[j] = x;
    ws[j] = w + static_cast<std::int64_t>(j) * n;
  }
  return dots<N>(xs, ws, n);
}

// Sends N rows down the tree together, level by level: their dot products do not wait for each other.
template <std::size_t N>
void descend(const float* x, std::int64_t inputs, const float* weights, const float* biases, int depth,
             std::int32_t* leaf) {
  std::array<std::int64_t, N> node{};
  std::array<const float*, N> rows;
  for (std::size_t j = 0; j < N; ++j) rows[j] = x + static_cast<std::int64_t>(j) * inputs;
  for (int level = 0; level < depth; ++level) {
    std::array<const float*, N> w;
    for (std::size_t j = 0; j < N; ++j) w[j] = weights + node[j] * inputs;
    const auto z = dots<N>(rows, w, inputs);
    for (std::size_t j = 0; j < N; ++j) node[j] = 2 * node[j] + 1 + (z[j] + biases[node[j]] >= 0.f ? 1 : 0);
  }
  const std::int64_t first_leaf = (std::int64_t{1} << depth) - 1;
  for (std::size_t j = 0; j < N; ++j) leaf[j] = static_cast<std::int32_t>(node[j] - first_leaf);
}

void hidden_of_row(const Leaves& leaves, const float* x, std::int64_t leaf, float* hidden) {
  const float* w = leaves.w1 + leaf * leaves.width * leaves.inputs;
  std::int64_t j = 0;
  const auto take = [&](const auto& values) {
    for (const float value : values) hidden[j++] = value;
  };
  while (leaves.width - j >= 8) take(dots_of_row<8>(x, w + j * leaves.inputs, leaves.inputs));
  if (leaves.width - j >= 4) take(dots_of_row<4>(x, w + j * leaves.inputs, leaves.inputs));
  if (leaves.width - j >= 2) take(dots_of_row<2>(x, w + j * leaves.inputs, leaves.inputs));
  if (leaves.width - j >= 1) take(dots_of_row<1>(x, w + j * leaves.inputs, leaves.inputs));
}

}  // namespace

void route(const float* x, std::int64_t batch, std::int64_t inputs, const float* weights, const float* biases,
           int depth, std::int32_t* leaf) {
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    std::int64_t b = begin;
    for (; b + 4 <= end; b += 4) descend<4>(x + b * inputs, inputs, weights, biases, depth, leaf + b);
    for (; b < end; ++b) descend<1>(x + b * inputs, inputs, weights, biases, depth, leaf + b);
  });
}

void leaf_forward(const Leaves& leaves, const float* x, std::int64_t batch, const std::int32_t* leaf, float* y) {
  parallel_for(batch, rows_grain, [=](std::int64_t begin, std::int64_t end) {
    // Hidden values of the whole block first, so that the activation is computed in full registers.
    std::vector<float> hidden(static_cast<std::size_t>((end - begin) * leaves.width));
    std::int64_t b = begin;
    if (leaves.width == 1) {
      for (; b + 4 <= end; b += 4) {
        std::array<const float*, 4> rows;
        std::array<const float*, 4> w;
        for (std::size_t j = 0; j < 4; ++j) {
          rows[j] = x + (b + static_cast<std::int64_t>(j)) * leaves.inputs;
          w[j] = leaves.w1 + leaf[b + static_cast<std::int64_t>(j)] * leaves.inputs;
        }
        const auto z = dots<4>(rows, w, leaves.inputs);
        std::copy(z.begin(), z.end(), hidden.begin() + (b - begin));
      }
    }
    for (; b < end; ++b) hidden_of_row(leaves, x + b * leaves.inputs, leaf[b], &hidden[(b - begin) * leaves.width]);
    for (b = begin; b < end; ++b) {
      const float* bias = leaves.b1 + leaf[b] * leaves.width;
      for (std::int64_t j = 0; j < leaves.width; ++j) hidden[(b - begin) * leaves.width + j] += bias[j];
    }
    activate(leaves.activation, hidden.data(), hidden.data(), static_cast<std::int64_t>(hidden.size()));
    for (b = begin; b < end; ++b) {
      const float* w2 = leaves.w2 + leaf[b] * leaves.width * leaves.outputs;
      float* out = y + b * leaves.outputs;
      std::copy_n(leaves.b2 + leaf[b] * leaves.outputs, leaves.outputs, out);
      for (std::int64_t j = 0; j < leaves.width; ++j) {
        const float h = hidden[(b - begin) * leaves.width + j];
        for (std::int64_t o = 0; o < leaves.outputs; ++o) out[o] += h * w2[j * leaves.outputs + o];
      }
    }
  });
}

}  // namespace canopy::kernels
