// The largest numbers of rows: what routes samples to experts.
#pragma once

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// Where the k largest numbers of each row of x [rows, n] stand: [rows, k], the largest first. Of equal numbers the
/// lower index comes first; a NaN counts as larger than any number. Not differentiable. Throws ShapeError unless x is a
/// matrix and 1 <= k <= n.
Indices top_k(const Tensor& x, std::int64_t k);

/// y[r, j] = x[r, indices[r, j]]: x [rows, n] and indices [rows, k] to [rows, k]. Throws ShapeError for other shapes
/// and for an index outside of [0, n).
Variable gather(const Variable& x, const Indices& indices);

/// The probability [rows, n] with which each of n noisy numbers would be among the k largest of its row if its own
/// noise were drawn again: Phi((mean - threshold) / deviation) with the normal distribution's Phi (Shazeer et al. 2017,
/// appendix A). `mean` and `deviation` are [rows, n]; `chosen` [rows, k] names the k largest; the threshold is the k-th
/// largest of the *other* noisy numbers: thresholds[r, 0], the k-th of all, or for the chosen thresholds[r, 1], the
/// (k+1)-th. Throws ShapeError.
Variable top_k_probability(const Variable& mean, const Variable& deviation, const Variable& thresholds,
                           const Indices& chosen);

}  // namespace canopy
