// Time for memory: what a part of a network keeps for backward is computed again instead.
#pragma once

#include <functional>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// What `function` gives for `inputs`, recorded as one operation that keeps the inputs alone. Backward calls `function`
/// again on a tape of its own and walks that, so that what the inner operations keep is alive for this part of the
/// network only (Chen et al. 2016, "Training deep nets with sublinear memory cost"). Values and all gradients, of the
/// inputs and of whatever parameters and results of the same tape `function` captures, have the bits that they have
/// without recompute: they are added up in the same order. Calls nest; outside of a tape `function` is just called.
///
/// `function` is kept until backward: what it captures by reference must live as long. It must do the same again, and
/// freeze or thaw nothing. The streams of `random_stream` that it asks for are put back for the second call and stand
/// afterwards where they stood before. Noticed by backward, with a TapeError: another number of outputs, or other bits
/// in them (a RandomStream of one's own that went on, another mode, an overwritten array), and a parameter or input
/// that was opened for writing. Not noticed: changes that the outputs do not show. What `function` writes elsewhere it
/// writes twice: see is_recomputing(). Variables of the first call that get out of it other than as outputs belong to
/// no tape.
Variable recompute(const std::function<Variable(const Variable&)>& function, const Variable& x);
/// The same for several inputs.
Variable recompute(const std::function<Variable(const std::vector<Variable>&)>& function,
                   const std::vector<Variable>& inputs);
/// The same for several outputs, as of a block that also gives a loss on its routing.
std::vector<Variable> recompute(const std::function<std::vector<Variable>(const std::vector<Variable>&)>& function,
                                const std::vector<Variable>& inputs);

/// Whether this is the second call of a function by recompute(): counters that the first one moved stay as they are.
bool is_recomputing();

}  // namespace canopy
