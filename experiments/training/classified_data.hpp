// What tasks share that learn labels.
#pragma once

#include <utility>

#include <canopy/autograd/softmax.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::training {

/// The loss of a batch: `cross_entropy` with its defaults, as SupervisedTask takes it.
inline Variable mean_cross_entropy(const Variable& logits, const Indices& labels) {
  return cross_entropy(logits, labels);
}

/// "A split of 9 to 1 for training and validation" (paper 1), at random. Throws DataError where either would be empty.
template <class D>
std::pair<D, D> hold_out_a_tenth(const D& all) {
  auto parts = all.split(0.9);
  if (parts.first.size() == 0 || parts.second.size() == 0) {
    throw DataError(fmt::format("{}: expected training samples enough to hold back a tenth for validation, found {}",
                                all.description(), all.size()));
  }
  return parts;
}

}  // namespace canopy::training
