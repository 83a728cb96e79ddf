// Paper 1, Tables 1 and 4: fast feedforward networks against feedforward networks of the same training width.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

harness::Experiment counterparts();

}  // namespace canopy::fff
