// Every experiment that the driver knows.
#pragma once

#include <vector>

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy {

const std::vector<harness::Experiment>& experiments();

}  // namespace canopy
