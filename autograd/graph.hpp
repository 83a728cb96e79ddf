// What a tape shows of itself: a line an operation, or a drawing.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy::detail {

/// An operation: its name, what it made and from what.
struct Node {
  std::string_view name;
  std::shared_ptr<GradientSlot> output;
  std::vector<Input> inputs;
  std::vector<std::shared_ptr<GradientSlot>> more_outputs;  // of an operation with several
};

/// The least and the largest of some numbers, and how many are NaN.
struct Range {
  float least = 0.f;
  float largest = 0.f;
  std::int64_t nans = 0;
  bool empty = true;  // no number but NaN
};
Range range_of(const Tensor& numbers);

/// The ranges of values, and of gradients as far as they have been seen.
struct Ranges {
  Range value;
  std::optional<Range> gradient;
};
using RangesBySlot = std::unordered_map<const GradientSlot*, Ranges>;

void print(std::ostream& out, std::span<const Node> nodes, const RangesBySlot& ranges);
std::string dot(std::span<const Node> nodes, const RangesBySlot& ranges);

}  // namespace canopy::detail
