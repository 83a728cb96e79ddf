// Training steps of paper 2's layer on a regression of random targets, as in the peer's script.
#pragma once

#include <functional>
#include <memory>

#include <canopy/canopy.hpp>

namespace canopy::benchmark {

/// How a step of the layer computes.
enum class TreeStep { masked, sparse, lazy };

/// Where the milliseconds of a step go.
struct StepTimes {
  double forward = 0, backward = 0, optimizer = 0;
};

/// A step of nn::TreeFFF 768 -> 768, one tree of depth 11: forward, mean squared error, backward, Adam 1e-4. `masked`
/// is the dense layer, `sparse` the conditional one, `lazy` with Adam's lazy_rows. Adds to `times` where given.
std::function<void()> tree_step(TreeStep how, std::int64_t batch, std::shared_ptr<StepTimes> times = nullptr);

}  // namespace canopy::benchmark
