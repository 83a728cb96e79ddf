// What each ingredient of the canopy recipe does; no paper reports this.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

harness::Experiment ablation();

}  // namespace canopy::fff
