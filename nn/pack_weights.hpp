// Weights in the order in which products read them.
#pragma once

#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// Packs the weight of every Linear within, for inference with weights that stay as they are: a forward that records
/// nothing takes up to half the time less, for as much memory again. A weight that is written to afterwards (by a step,
/// a loaded state) is read as before, until it is packed anew.
void pack_weights(Module& module);

}  // namespace canopy::nn
