// How many rows each branch of each routed layer got: never an accuracy of a tree without it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <canopy/nn/routed/routing_trace.hpp>

namespace canopy::nn {

/// A layer is collapsed when one of its branches gets more than this share of the rows, in percent: the others decide
/// nothing, and what the model knows is what a single branch knows.
inline constexpr double collapsed_above = 90;

/// The rows of one routed layer by branch. A row counts for the branch that weighs most and, of several trees, for one
/// of each.
struct RoutingLoad {
  std::string layer;  ///< full name; empty where the layer is the model
  std::int64_t trees = 1;
  std::int64_t rows = 0;
  std::vector<std::int64_t> branches;  ///< rows of each branch

  /// Branches that at least one row was sent to.
  std::int64_t used() const;
  /// The share of the rows, in percent, in the fullest branch; of several trees the mean of their fullest. 0 before any
  /// row came.
  double maximum() const;
  bool collapsed() const { return std::ssize(branches) > trees && maximum() > collapsed_above; }
};

/// Of the layer where it is largest; 100 for a model without routed layers, which is a single branch.
double maximum_load(const std::vector<RoutingLoad>& layers);

/// Counts forward by forward, for every routed layer of a model.
class RoutingLoads {
 public:
  /// The model must outlive it.
  explicit RoutingLoads(const Module& model);

  /// Adds the decisions of a trace, of layers of this model.
  void add(const RoutingTrace& trace);
  /// In the order of registration; layers that got no row are there, too.
  const std::vector<RoutingLoad>& layers() const { return loads_; }

 private:
  std::vector<const RoutedLayer*> layers_;
  std::vector<RoutingLoad> loads_;
};

}  // namespace canopy::nn
