// Dropout masks from counter-based random numbers.
#pragma once

#include <cstdint>

#include <canopy/core/random.hpp>

namespace canopy::kernels {

/// mask[i] = 0 with the given probability, else 1 / (1 - probability): inverted scaling, so that nothing is left to do
/// when nothing is dropped. `probability` is below 1. Takes the numbers that the stream's next fill_bernoulli of n
/// would, on all threads: which ones an element gets depends on its place only.
void dropout_mask(RandomStream& stream, float probability, float* mask, std::int64_t n);

}  // namespace canopy::kernels
