// Paper 2: masked language models whose feedforward layers are trees of neurons, trained from text.
#pragma once

#include <canopy/experiments/harness/experiment.hpp>

namespace canopy::language {

harness::Experiment pretrain();

}  // namespace canopy::language
