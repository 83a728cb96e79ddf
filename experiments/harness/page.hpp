// A report as one HTML page without anything to load.
#pragma once

#include <string>

#include <canopy/experiments/harness/json.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

namespace canopy::harness {

/// The table, and for each cell a plot of its accuracies over the epochs, one line a seed and column of metrics.csv.
std::string to_html(const Json& report, const RunDirectory& directory);

}  // namespace canopy::harness
