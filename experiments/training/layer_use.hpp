// What layers.json says of a routed layer.
#pragma once

#include <canopy/experiments/harness/json.hpp>
#include <canopy/nn/routed/routing_load.hpp>

namespace canopy::training {

/// Its name, its leaves, those that are used, its largest load in percent.
inline harness::Json layer_use(const nn::RoutingLoad& load) {
  return {{"layer", load.layer},
          {"leaves", load.branches.size()},
          {"leaves_used", load.used()},
          {"maximum_leaf_load", load.maximum()}};
}

}  // namespace canopy::training
