// Scoring a model on every sample of a data set, batch by batch.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

namespace canopy {

/// Adds all samples of a data set that has `size()` and `batch(indices) -> (inputs, targets)` to `scorer`.
template <class Scorer, class Dataset>
void score_all(Scorer& scorer, const Dataset& dataset) {
  constexpr std::int64_t batch = 1024;
  std::vector<std::int64_t> indices;
  for (std::int64_t first = 0; first < dataset.size(); first += batch) {
    indices.resize(static_cast<std::size_t>(std::min(batch, dataset.size() - first)));
    std::iota(indices.begin(), indices.end(), first);
    const auto [inputs, targets] = dataset.batch(indices);
    scorer.add(inputs, targets);
  }
}

}  // namespace canopy
