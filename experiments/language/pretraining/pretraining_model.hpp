// The models of a pretraining's grid.
#pragma once

#include <cstdint>
#include <vector>

#include <canopy/experiments/harness/experiment.hpp>
#include <canopy/nn/transformers/crammed_bert.hpp>

namespace canopy::language {

/// Their sizes as settings: "blocks", "width", "heads", the "hidden" neurons of a dense layer, "feedforward", whose
/// "dense" means these, and "activation".
std::vector<harness::Settings::Entry> pretraining_sizes();

/// The model with the feedforward part `feedforward`, one of the setting's. Throws ConfigError, naming the setting, for
/// sizes that are none or do not fit each other.
nn::CrammedBertOptions pretraining_model(const std::string& feedforward, const harness::Settings& settings,
                                         std::int64_t vocabulary);

/// Throws ConfigError, naming a setting, unless the memory of this machine holds what a training of the model keeps:
/// weights, gradients, two means of them, and the logits of `guessed` tokens with their gradients.
void require_memory(const nn::CrammedBertOptions& model, double guessed);

}  // namespace canopy::language
