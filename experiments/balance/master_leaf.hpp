// Paper 3, experiment 3: trees with a load balance loss and a master leaf.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::balance {

harness::Experiment master_leaf();

}  // namespace canopy::balance
