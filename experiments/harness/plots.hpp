// The figures of a run directory.
#pragma once

#include <vector>

#include <canopy/experiments/harness/gnuplot.hpp>
#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

namespace canopy::harness {

/// Accuracy over the epochs for each data set and recipe, mean of the seeds, a panel for each training width; then the
/// entropies of decisions over the steps, for each cell and seed that recorded them (entropies.csv). What has no values
/// yet makes no figure.
std::vector<Figure> figures(const Json& report, const RunDirectory& directory);

}  // namespace canopy::harness
