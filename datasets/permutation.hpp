// Random orders, the same on every machine: std::shuffle leaves to each library how it draws.
#pragma once

#include <cstdint>
#include <vector>

#include <canopy/core/random.hpp>

namespace canopy::datasets {

/// 0 .. n-1 in random order (Fisher and Yates). Begins at a block boundary of the stream, so that a run that continues
/// from a checkpoint's position draws what the uninterrupted one would.
std::vector<std::int64_t> permutation(std::int64_t n, RandomStream& stream);

}  // namespace canopy::datasets
