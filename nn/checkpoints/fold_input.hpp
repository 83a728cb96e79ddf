// A data set's centring and scaling, folded into the weights that read the input.
#pragma once

#include <string>
#include <vector>

#include <canopy/core/standardisation.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// A matrix that reads a model's input, x W^T, with W's last axis in memory along the inputs, and its bias.
struct InputWeights {
  std::string weight;
  std::string bias;
};

/// Names of the parameters that read the input directly. Throws CheckpointError where canopy does not know: for layers
/// of one's own, and where the input is not read by a linear map alone.
std::vector<InputWeights> input_weights(const Architecture& architecture);

/// Changes `state`, that of `model`, so that it gives for x what it gave for `inputs`, scale (x - offset): W' = W scale
/// and b' = b - W' offset; a weight without the bias gets it. Those of `read` that the state has not are left out, but
/// one must be there. Throws ShapeError where offset and weights have different numbers of inputs, CheckpointError
/// where a weight to be changed is tied to another place.
void fold_input(StateDict& state, const Module& model, const std::vector<InputWeights>& read,
                const Standardisation& inputs);

}  // namespace canopy::nn
