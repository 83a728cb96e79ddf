// Counting sort: the first step of conditional computation, whatever chose the groups (leaves, experts, nodes).
#pragma once

#include <cstdint>

#include <canopy/core/array.hpp>

namespace canopy::kernels {

/// Writes the items 0 .. n - 1 to `order` [n] by group, stably. `group` [n] has values in [0, groups). Nothing is kept
/// for a group, so that a few rows among many thousand leaves cost what the rows cost: the sort goes in passes over
/// digits of the groups' numbers, short ones where items are few, and on several threads where they are many. The same
/// for any number of threads.
void sort_by_group(const std::int32_t* group, std::int64_t n, std::int64_t groups, std::int32_t* order);

/// n items in the order of `sort_by_group`. Empty groups take no room.
struct Grouping {
  Indices order;     ///< [n]: the item at each position
  Indices position;  ///< [n]: the position of each item, order's inverse
  Indices used;      ///< [m]: the groups that have items, ascending
  Indices begin;     ///< [m + 1]: group used[u] has the positions begin[u] <= p < begin[u + 1]
};

/// Sorts as `sort_by_group` does and finds the groups that have items.
Grouping group_items(const std::int32_t* group, std::int64_t n, std::int64_t groups);

}  // namespace canopy::kernels
