// Clipping of gradients.
#pragma once

#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy::optim {

/// The norm of all gradients as one vector, before clipping. Where it is above `max_norm` all are scaled by max_norm /
/// norm. Parameters without gradient count as zero, one that is listed twice counts once. The norm of finite gradients
/// is finite; one that is not makes the gradients not finite: a diverged step must be seen. The same bits for any
/// number of threads. Throws ConfigError unless max_norm > 0.
double clip_grad_norm(const std::vector<Variable>& parameters, double max_norm);

}  // namespace canopy::optim
