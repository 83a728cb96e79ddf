// Scores of epochs.
#pragma once

#include <cmath>

namespace canopy::optim::detail {

/// Whether a score beats the best one by more than `threshold`; NaN never does, and `best` NaN means that there is none
/// yet.
inline bool is_better(float score, float best, bool higher_is_better, float threshold = 0) {
  if (std::isnan(score)) return false;
  if (std::isnan(best)) return true;
  return higher_is_better ? score > best + threshold : score < best - threshold;
}

}  // namespace canopy::optim::detail
