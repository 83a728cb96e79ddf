// Paper 1: trees in the place of a vision transformer's feedforward layers (Table 3, Figure 6).
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::fff {

harness::Experiment vit();

}  // namespace canopy::fff
