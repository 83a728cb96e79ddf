// A tree with a neuron at every node, of which a row passes one a level: paper 2 (Belcak and Wattenhofer 2023,
// "Exponentially Faster Language Modelling"), Algorithm 1, its "conditional matrix multiplication".
//
// A tree of depth d has d + 1 levels and 2^(d+1) - 1 nodes in heap order (children of k: 2k + 1 left, 2k + 2 right). A
// row's logit at node k is z = x . w_k + b_k; it goes right where z > 0. A path is named by its `bottom`, the number
// 0 .. 2^d - 1 of its node at the last level from left to right; what belongs to its nodes is kept by level.
//
// In all of these a row's result depends neither on the rows beside it nor on the number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include <canopy/core/kernels/grouping.hpp>

namespace canopy::kernels {

struct NeuronTree {
  std::int64_t inputs;
  int depth;
  const float* weights;  ///< [nodes, inputs]
  const float* bias;     ///< [nodes], or null

  int levels() const { return depth + 1; }
};

/// Sends the rows of x [batch, inputs] down: bottom [batch], z [batch, levels]. Rows at the same node are computed
/// together as long as there are some.
void descend(const NeuronTree& tree, const float* x, std::int64_t batch, std::int32_t* bottom, float* z);

/// The rows of a batch sorted by bottom. The rows at any node are neighbours then: at node k of level l, counted from
/// the left, those of bottoms k 2^(d-l) to (k + 1) 2^(d-l) - 1. Bottoms without rows take neither room nor time.
struct PathOrder {
  int depth;
  Grouping rows;  ///< by bottom, `group_items(bottom, batch, 2^depth)`

  int levels() const { return depth + 1; }
  std::int64_t batch() const { return rows.order.size(); }
};

/// y[row] = sum over the levels of coefficient[row, level] * w[node of the row at that level], or y += with
/// `accumulate`; coefficient is [batch, levels], w [nodes, width], y [batch, width].
void path_sums(const PathOrder& paths, const float* coefficient, const float* w, std::int64_t width, bool accumulate,
               float* y);
/// The same for a single row, whose path ends at `bottom`.
void path_sum(int depth, std::int32_t bottom, const float* coefficient, const float* w, std::int64_t width,
              bool accumulate, float* y);

/// dot[row, level] = x[row] . w[node of the row at that level]; x is [batch, width], w [nodes, width].
void path_dots(const PathOrder& paths, const float* x, const float* w, std::int64_t width, float* dot);

/// The nodes that rows pass, ascending.
std::vector<std::int32_t> visited_nodes(const PathOrder& paths);

/// gradient[i] = sum over the rows that pass nodes[i] of coefficient[row, its level] * x[row]: the gradient of a
/// weight matrix [nodes, width] at the n rows where it is not zero. x is [batch, width], gradient [n, width].
void path_gradients(const PathOrder& paths, const float* coefficient, const float* x, std::int64_t width,
                    const std::int32_t* nodes, std::int64_t n, float* gradient);

/// The rows of a batch in the order of their paths, `bottom` [batch], and the nodes that they pass, ascending.
class SortedPaths {
 public:
  SortedPaths(int depth, const std::int32_t* bottom, std::int64_t batch);

  const PathOrder& order() const { return order_; }
  const std::vector<std::int32_t>& nodes() const { return nodes_; }

 private:
  PathOrder order_;
  std::vector<std::int32_t> nodes_;
};

}  // namespace canopy::kernels
