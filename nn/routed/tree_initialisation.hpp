// Node boundaries from the data, before training.
#pragma once

#include <canopy/core/array.hpp>
#include <canopy/nn/routed/fff.hpp>

namespace canopy::nn {

struct TreeInitialisationOptions {
  int iterations = 6;  ///< of 2-means at each node
  float spread = 4.f;  ///< the standard deviation of w . x over the samples that reach a node
};

/// Level by level, each node's boundary becomes the bisector of the two clusters (2-means) of the samples that reach
/// it: w is the difference of the centroids, scaled to `spread`, and the bias minus the median of w . x, so that each
/// child gets half, or as near as samples that are equal along w allow. At any scale of the samples. Nodes reached by
/// fewer than two distinct samples keep their values. `samples` [n, inputs]; some 8192 are plenty. Random starts come
/// from the stream "tree initialisation". Throws ShapeError, ConfigError, and Error for samples that are not finite.
void initialise_tree(FFF& layer, const Tensor& samples, const TreeInitialisationOptions& options = {});

/// Every tree of paper 1 in a model, in the order of registration, each from what reaches it when the model evaluates
/// `samples`, the trees before it being initialised by then. The model's modes stay. Throws Error for a tree that the
/// model does not run, and as `initialise_tree`.
void initialise_trees(Layer& model, const Tensor& samples, const TreeInitialisationOptions& options = {});

}  // namespace canopy::nn
