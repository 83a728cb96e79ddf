#include <canopy/core/kernels/grouping.hpp>

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>
#include <vector>

#include <canopy/core/threads.hpp>

namespace canopy::kernels {
namespace {

// Items that are counted apart, so that blocks can be counted and moved side by side.
constexpr std::int64_t block = 1 << 14;
// One pass sorts by so many bits at most: about as many counters as items, which are cleared and summed in the time
// that the items take, and no more than stay in the first cache.
int longest_digit(std::int64_t n) {
  return std::clamp(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n))), 5, 11);
}

// One stable counting sort: `from` to `to` by (group >> shift) & (values - 1).
void sort_by_digit(const std::int32_t* group, int shift, std::int64_t values, const std::int32_t* from,
                   std::int32_t* to, std::int64_t n) {
  const std::int64_t blocks = (n - 1) / block + 1;
  std::vector<std::int32_t> counts(static_cast<std::size_t>(blocks * values));  // then places
  const auto digit = [=](std::int32_t item) { return (group[item] >> shift) & (values - 1); };
  const auto for_each_block = [&](auto visit) {
    parallel_for(n, block, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = begin; first < end; first += block) {
        visit(counts.data() + first / block * values, first, std::min(end, first + block));
      }
    });
  };
  for_each_block([&](std::int32_t* count, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) ++count[digit(from[i])];
  });
  std::int32_t place = 0;
  for (std::int64_t v = 0; v < values; ++v) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      place += std::exchange(counts[static_cast<std::size_t>(b * values + v)], place);
    }
  }
  for_each_block([&](std::int32_t* places, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) to[places[digit(from[i])]++] = from[i];
  });
}

}  // namespace

void sort_by_group(const std::int32_t* group, std::int64_t n, std::int64_t groups, std::int32_t* order) {
  const auto bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(std::max<std::int64_t>(groups, 1) - 1)));
  if (n < 2 || bits == 0) {
    std::iota(order, order + n, 0);
    return;
  }
  const int passes = (bits - 1) / longest_digit(n) + 1;
  const int digit = (bits - 1) / passes + 1;
  std::vector<std::int32_t> other(static_cast<std::size_t>(n));
  std::int32_t *from = order, *to = other.data();
  if (passes % 2 != 0) std::swap(from, to);  // the last pass ends in `order`
  std::iota(from, from + n, 0);
  for (int shift = 0; shift < bits; shift += digit) {  // from the lowest digit on
    sort_by_digit(group, shift, std::int64_t{1} << digit, from, to, n);
    std::swap(from, to);
  }
}

Grouping group_items(const std::int32_t* group, std::int64_t n, std::int64_t groups) {
  Grouping result{Indices({n}), Indices({n}), {}, {}};
  std::int32_t* order = result.order.mutable_data();
  sort_by_group(group, n, groups, order);
  std::vector<std::int32_t> used, begin;
  std::int32_t* position = result.position.mutable_data();
  for (std::int32_t p = 0; p < n; ++p) {
    position[order[p]] = p;
    if (used.empty() || used.back() != group[order[p]]) {
      used.push_back(group[order[p]]);
      begin.push_back(p);
    }
  }
  begin.push_back(static_cast<std::int32_t>(n));
  result.used = Indices({static_cast<std::int64_t>(used.size())}, used);
  result.begin = Indices({static_cast<std::int64_t>(begin.size())}, begin);
  return result;
}

}  // namespace canopy::kernels
