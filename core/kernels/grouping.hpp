// Counting sort: the first step of conditional computation, whatever chose the groups (leaves, experts, nodes).
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// Sorts items by group, stably: those of group g become order[offsets[g]] .. order[offsets[g + 1] - 1], in ascending
/// order. `group` [n] with values in [0, groups), `offsets` [groups + 1], `order` [n].
void group_rows(const std::int32_t* group, std::int64_t n, std::int64_t groups, std::int32_t* offsets,
                std::int32_t* order);

}  // namespace canopy::kernels
