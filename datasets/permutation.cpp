#include <canopy/datasets/permutation.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace canopy::datasets {
namespace {

// In [0, bound), from 64 bits: the bias, bound / 2^64, is beyond any test.
std::uint64_t below(std::uint64_t bound, RandomStream& stream) {
  const std::uint64_t high = stream();
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(high << 32 | stream()) * bound >> 64);
}

}  // namespace

std::vector<std::int64_t> permutation(std::int64_t n, RandomStream& stream) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i, stream)]);
  return order;
}

std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> split_positions(std::int64_t n, double fraction,
                                                                                RandomStream& stream) {
  const std::vector<std::int64_t> order = permutation(n, stream);
  const auto middle = order.begin() + std::llround(fraction * static_cast<double>(n));
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> parts{{order.begin(), middle}, {middle, order.end()}};
  // In the order of the files, whatever the draw.
  std::ranges::sort(parts.first);
  std::ranges::sort(parts.second);
  return parts;
}

}  // namespace canopy::datasets
