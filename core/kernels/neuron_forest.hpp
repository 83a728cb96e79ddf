// The layer of paper 2: several trees of neurons side by side, each row passing one path of each, outputs summed.
#pragma once

#include <cstdint>

#include <canopy/core/activation.hpp>

namespace canopy::kernels {

/// Node n of tree t is row t * nodes + n of the weights; nodes = 2^(depth + 1) - 1 a tree.
struct NeuronForest {
  std::int64_t inputs, outputs;
  int trees;
  int depth;
  Activation activation;
  const float* w_in;   ///< [trees * nodes, inputs]
  const float* bias;   ///< [trees * nodes], or null
  const float* w_out;  ///< [trees * nodes, outputs]

  std::int64_t levels() const { return depth + 1; }
  std::int64_t nodes() const { return (std::int64_t{2} << depth) - 1; }
};

/// y[row] = sum over the nodes k on the row's paths of f(z_k) w_out[k] with z_k = x[row] . w_in[k] + bias[k]. Computes
/// trees * (depth + 1) neurons a row. x [batch, inputs], y [batch, outputs]; by tree: bottom [trees, batch] (see
/// neuron_tree.hpp), z and a = f(z) [trees, batch, levels]. A row's result depends neither on the rows beside it nor
/// on the number of threads.
void forest_forward(const NeuronForest& forest, const float* x, std::int64_t batch, std::int32_t* bottom, float* z,
                    float* a, float* y);

}  // namespace canopy::kernels
