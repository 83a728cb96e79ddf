// Balanced binary trees of decisions. A tree of depth d has 2^d - 1 nodes in heap order (children of k: 2k + 1 left, 2k
// + 2 right) and 2^d leaves from left to right. Arrays are row-major, a row a sample; `nodes` and `leaves` stand for
// their numbers. Paper 1, section "Fast feedforward networks".
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// choice = 1 where z >= 0, that is where sigmoid(z) >= 1/2, else 0.
void hard_decisions(const float* z, std::int64_t count, float* choice);

/// Top-down in one sweep: reach [batch, nodes], the product of the choices that lead to a node, and path [batch,
/// leaves].
void tree_paths(const float* choice, std::int64_t batch, int depth, float* reach, float* path);

/// Bottom-up in one sweep: with D_leaf = dpath and D_node = (1 - choice) D_left + choice D_right,
///   dz = reach (D_right - D_left) p (1 - p).
/// `p` are the sigmoids: the choices themselves in a soft tree; with hard choices this is the straight-through
/// gradient.
void tree_paths_backward(const float* choice, const float* reach, const float* p, const float* dpath,
                         std::int64_t batch, int depth, float* dz);

/// The sum over batch and nodes of weight * H(sigmoid(z)), in nats; `weight` [batch * nodes] may be null: all 1.
double node_entropy(const float* z, const float* weight, std::int64_t count);
/// dz = scale * weight * dH/dz, where dH/dz = -z p (1 - p).
void node_entropy_backward(const float* z, const float* weight, float scale, std::int64_t count, float* dz);
/// H(sigmoid(z)) of every element.
void node_entropies(const float* z, std::int64_t count, float* entropy);

/// weighted[b, i, j] = path[b, i] * hidden[b, i, j] with hidden [batch, leaves, leaf_width].
void weigh_leaves(const float* path, const float* hidden, std::int64_t paths, std::int64_t leaf_width, float* weighted);
/// dpath[b, i] += sum_j hidden[b, i, j] * dweighted[b, i, j];  dhidden = path * dweighted (skipped where null).
void weigh_leaves_backward(const float* path, const float* hidden, const float* dweighted, std::int64_t paths,
                           std::int64_t leaf_width, float* dpath, float* dhidden);

}  // namespace canopy::kernels
