// The activation functions by name: in layers' options, in checkpoints' metadata, in fused kernels.
#pragma once

#include <string_view>

namespace canopy {

enum class Activation {
  identity,
  relu,
  gelu,       ///< the exact form
  gelu_tanh,  ///< its approximation by tanh, as GPT-2 and some BERTs were trained with
  sigmoid,
  tanh,
  softplus
};

/// As in an option or a checkpoint: "identity", "relu", "gelu", ...
std::string_view to_string(Activation activation);

/// The activation of that name in any case ("ReLU", "GELU", "tanh"). Throws ConfigError listing the names it knows.
Activation activation_from_string(std::string_view name);

}  // namespace canopy
