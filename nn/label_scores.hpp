// How well predicted classes agree with the true ones: the scores of GLUE, as fractions.
#pragma once

#include <cstdint>
#include <span>

namespace canopy {

// All take one class for each sample and throw ShapeError for different numbers of them.

/// The part that is predicted right; NaN of no samples.
double accuracy(std::span<const std::int32_t> predictions, std::span<const std::int32_t> labels);
/// F1 of a class, 2 hits / (predicted + true); 0 where the class is neither predicted nor true.
double f1_score(std::span<const std::int32_t> predictions, std::span<const std::int32_t> labels,
                std::int32_t positive = 1);
/// Matthews' correlation coefficient of any number of classes, -1 to 1: Gorodkin, "Comparing two K-category assignments
/// by a K-category correlation coefficient" (2004). 0, as is usual, where it is undefined: all predictions or all
/// labels are one class, or there are none.
double matthews_correlation(std::span<const std::int32_t> predictions, std::span<const std::int32_t> labels);

}  // namespace canopy
