#include <canopy/datasets/permutation.hpp>

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
  stream.seek(stream.position());
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i, stream)]);
  return order;
}

}  // namespace canopy::datasets
