// How well two series of numbers go together.
#pragma once

#include <span>

namespace canopy {

/// Pearson's correlation coefficient of two series of one length, -1 to 1: their covariance over the product of their
/// standard deviations. NaN where it is undefined: fewer than two numbers, equal numbers alone in one series, or one
/// that is not finite. Throws ShapeError for different lengths.
double pearson_correlation(std::span<const double> a, std::span<const double> b);
/// Spearman's: Pearson's of the ranks, where equal numbers share the mean of their ranks. Infinite numbers have ranks;
/// NaN otherwise as above.
double spearman_correlation(std::span<const double> a, std::span<const double> b);

}  // namespace canopy
