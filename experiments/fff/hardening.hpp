// Paper 1, Figure 5: how the decisions of a tree harden while it trains.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

harness::Experiment hardening();

}  // namespace canopy::fff
