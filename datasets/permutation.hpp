// Random orders, the same on every machine: std::shuffle leaves to each library how it draws.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <canopy/core/random.hpp>

namespace canopy::datasets {

/// 0 .. n-1 in random order (Fisher and Yates). A stream consumes whole blocks, so that a run that continues
/// from a checkpoint's position draws what the uninterrupted one would.
std::vector<std::int64_t> permutation(std::int64_t n, RandomStream& stream);

/// Two random parts of 0 .. n-1, the first of round(fraction * n), each in ascending order.
std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> split_positions(std::int64_t n, double fraction,
                                                                                RandomStream& stream);

}  // namespace canopy::datasets
