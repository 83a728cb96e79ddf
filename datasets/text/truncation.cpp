#include <canopy/datasets/text/truncation.hpp>

#include <algorithm>

namespace canopy::datasets {

std::pair<std::size_t, std::size_t> truncated(std::size_t first, std::size_t second, std::size_t most) {
  if (first + second <= most) return {first, second};
  const std::size_t shorter = std::min({first, second, most / 2});
  return first <= second ? std::pair(shorter, most - shorter) : std::pair(most - shorter, shorter);
}

}  // namespace canopy::datasets
