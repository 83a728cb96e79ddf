// What routed layers decided, for tests that look at it.
#pragma once

#include <variant>

#include <canopy/autograd/tree.hpp>
#include <canopy/nn/routed/routing_trace.hpp>

namespace canopy::test {

inline constexpr Routing every_routing[] = {Routing::soft, Routing::hard, Routing::straight_through,
                                            Routing::sparse_straight_through};

/// What `layer` decided last, which must be of the kind D: TreeDecisions, PathDecisions, ...
template <class D>
const D& decided(const nn::RoutingTrace& trace, const nn::RoutedLayer& layer) {
  return std::get<D>(trace.at(layer).how);
}

/// What `layer` decides for x in a forward of its own.
template <class D>
D decide(const nn::RoutedLayer& layer, const Variable& x, const nn::RoutingTraceOptions& options = {}) {
  const nn::RoutingTrace trace(options);
  layer.forward(x);
  return decided<D>(trace, layer);
}

}  // namespace canopy::test
