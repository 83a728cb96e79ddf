// The figures of a run directory.
#pragma once

#include <vector>

#include <canopy/experiments/harness/gnuplot.hpp>
#include <canopy/experiments/harness/report.hpp>

namespace canopy::harness {

/// The experiment's charts, each against the number of the row and, where cells have a clock, against seconds; then its
/// own figures for each cell and seed. A line is the mean of the seeds as far as every seed has come, in the band
/// between their least and their largest. What has no values yet makes no figure.
std::vector<Figure> figures(const Report& report, const Experiment& experiment, const RunDirectory& directory);

}  // namespace canopy::harness
