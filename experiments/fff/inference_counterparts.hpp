// Paper 1, Figure 2: trees against feedforward networks that are as large at inference.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

harness::Experiment inference_counterparts();

}  // namespace canopy::fff
