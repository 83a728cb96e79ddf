#include <canopy/core/kernels/grouping.hpp>

#include <algorithm>
#include <numeric>

namespace canopy::kernels {

// offsets[g] serves as the place of group g's next item, one to the left of where it will stand: afterwards each has
// moved on to the next group's first item, which is what offsets[g + 1] has to be.
void group_rows(const std::int32_t* group, std::int64_t n, std::int64_t groups, std::int32_t* offsets,
                std::int32_t* order) {
  std::fill_n(offsets, groups + 1, 0);
  for (std::int64_t i = 0; i < n; ++i) ++offsets[group[i] + 1];
  std::int32_t* next = offsets + 1;
  std::exclusive_scan(next, next + groups, next, 0);
  for (std::int64_t i = 0; i < n; ++i) order[next[group[i]]++] = static_cast<std::int32_t>(i);
}

}  // namespace canopy::kernels
