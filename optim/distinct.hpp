// Variables that are listed twice.
#pragma once

#include <algorithm>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy::optim::detail {

/// Every variable once, in order: a list of parameters names a tied one as often as it is used.
inline std::vector<Variable> distinct(const std::vector<Variable>& variables) {
  std::vector<Variable> once;
  for (const Variable& each : variables) {
    const auto is_same = [&](const Variable& other) { return other.is_same(each); };
    if (std::ranges::none_of(once, is_same)) once.push_back(each);
  }
  return once;
}

}  // namespace canopy::optim::detail
