// One of many, as a model of text weighs them.
#pragma once

#include <cstdint>
#include <span>

#include <canopy/core/random.hpp>

namespace canopy::nn {

struct SamplingOptions {
  float temperature = 1.f;  ///< what logits are divided by; 0: always the largest, the first of equal ones
  std::int64_t top_k = 0;   ///< only so many of the largest; 0: all
  float top_p = 1.f;  ///< only the largest that have this share of the probability together (Holtzman et al. 2020)
};

/// An index into the logits, drawn with the probabilities softmax(logits / temperature) of those that are left. Draws
/// once from `random`, but at temperature 0. Throws ConfigError for options out of range, DataError where there are no
/// logits or one is not a number.
std::int32_t sample(std::span<const float> logits, const SamplingOptions& options, RandomStream& random);

}  // namespace canopy::nn
