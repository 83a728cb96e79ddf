// Paper 1, Table 2: feedforward networks, mixtures of experts and trees of the same training width.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

harness::Experiment experts();

}  // namespace canopy::fff
