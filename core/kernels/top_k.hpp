// The k largest numbers of rows, and the probability of being among them (Shazeer et al. 2017, "Outrageously Large
// Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer"). Matrices are row-major; outputs may overlap no input.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// index[r, j], j < k: where the j-th largest number of row r of x [rows, n] stands, the largest first. Of equal
/// numbers the lower index comes first; a NaN counts as larger than any number. 1 <= k <= n.
void top_k(const float* x, std::int64_t rows, std::int64_t n, std::int64_t k, std::int32_t* index);

/// out[r, j] = x[r, index[r, j]] for j < k.
void gather_columns(const float* x, const std::int32_t* index, std::int64_t rows, std::int64_t n, std::int64_t k,
                    float* out);
/// Its gradient: dx[r, i] = sum of dy[r, j] over the j with index[r, j] = i.
void gather_columns_backward(const float* dy, const std::int32_t* index, std::int64_t rows, std::int64_t n,
                             std::int64_t k, float* dx);

/// How likely each of n noisy numbers would be among the k largest of its row if its own noise were drawn again:
///   p[r, i] = Phi((mean[r, i] - threshold) / deviation[r, i]),
/// where the threshold is the k-th largest of the row's other numbers: threshold[r, 1], the (k+1)-th of all, for the k
/// that `index` [rows, k] names, threshold[r, 0], the k-th, for all others. `threshold` is [rows, 2].
struct TopKProbability {
  const float* mean;
  const float* deviation;
  const float* threshold;
  const std::int32_t* index;
  std::int64_t rows, n, k;
};
void top_k_probability(const TopKProbability& of, float* p);
/// With z the argument of Phi and g = dp phi(z) / deviation: dmean = g, ddeviation = -g z, and -g is summed for the
/// threshold it was compared with.
void top_k_probability_backward(const TopKProbability& of, const float* dp, float* dmean, float* ddeviation,
                                float* dthreshold);

}  // namespace canopy::kernels
