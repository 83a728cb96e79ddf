// Which parameters decay.
#pragma once

#include <string>
#include <vector>

#include <canopy/optim/optimizer.hpp>

namespace canopy::optim {

struct DecayOptions {
  double weight_decay = 1e-2;
  /// Parameters whose full name contains one of these do not decay, such as "bias" and "norm" in crammedBERT. Where
  /// none is given the shape decides: those with less than two axes, that is biases and norms, do not.
  std::vector<std::string> exempt = {};
};

/// Two groups, in the order of the parameters: those that decay, and those that do not; a group without parameters is
/// left out.
///
///   optim::AdamW optimizer(optim::decay_groups(model.parameters(), {.weight_decay = 0.01}), {.learning_rate = 1e-3});
std::vector<ParameterGroup> decay_groups(const std::vector<Variable>& parameters, const DecayOptions& options = {});

}  // namespace canopy::optim
