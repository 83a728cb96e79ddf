// Counting sort: the first step of conditional computation, whatever chose the groups (leaves, experts, nodes).
#pragma once

#include <cstdint>

#include <canopy/core/array.hpp>

namespace canopy::kernels {

/// Sorts items by group, stably: those of group g become order[offsets[g]] .. order[offsets[g + 1] - 1], in ascending
/// order. `group` [n] with values in [0, groups), `offsets` [groups + 1], `order` [n].
void group_rows(const std::int32_t* group, std::int64_t n, std::int64_t groups, std::int32_t* offsets,
                std::int32_t* order);

/// n items in the order of their groups; items of a group keep their order. Empty groups take no room, so that a few
/// rows among many thousand leaves cost what the rows cost.
struct Grouping {
  Indices order;     ///< [n]: the item at each position
  Indices position;  ///< [n]: the position of each item, order's inverse
  Indices used;      ///< [m]: the groups that have items, ascending
  Indices begin;     ///< [m + 1]: group used[u] has the positions begin[u] <= p < begin[u + 1]
};

/// The same sort without a place for every group: in passes over digits of the groups' numbers where those are large,
/// on several threads where items are many. The same for any number of threads.
Grouping group_items(const std::int32_t* group, std::int64_t n, std::int64_t groups);

}  // namespace canopy::kernels
