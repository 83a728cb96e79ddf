// Paper 3, experiments 1 and 2: trees trained with a load balance loss.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::balance {

harness::Experiment load_balance();

}  // namespace canopy::balance
