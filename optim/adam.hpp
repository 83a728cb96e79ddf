// Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019).
#pragma once

#include <vector>

#include <canopy/optim/optimizer.hpp>

namespace canopy::optim {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;    ///< decay of the mean gradient, in [0, 1)
  double beta2 = 0.999;  ///< decay of the mean squared gradient, in [0, 1)
  double epsilon = 1e-8;
  double weight_decay = 0;  ///< added to the gradient: g + weight_decay p
  /// For very large layers whose gradients are row-sparse: rows without a gradient are left alone, parameter and state
  /// both, so that a step costs what its rows cost. As torch.optim.SparseAdam, not Adam with the dense gradient:
  /// where a row has no gradient its means neither move it nor fade, and it does not decay; t counts the parameter's
  /// steps, not the row's.
  bool lazy_rows = false;
};

/// m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
/// p -= learning_rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon); as torch.optim.Adam. t counts the
/// updates of the parameter itself. Throws ConfigError for invalid options.
class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<Variable> parameters, const AdamOptions& options = {});
  explicit Adam(const std::vector<ParameterGroup>& groups, const AdamOptions& options = {});

 protected:
  Adam(std::string_view name, const std::vector<ParameterGroup>& groups, const AdamOptions& options, bool decoupled);

 private:
  void update(Entry& entry, const kernels::ParameterGradient& gradient, std::int64_t step,
              double learning_rate) override;
  AdamOptions options_;
  bool decoupled_;
};

struct AdamWOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;  ///< decoupled: p shrinks by learning_rate weight_decay p before the update
  bool lazy_rows = false;      ///< as for Adam
};

/// Adam with decoupled weight decay; as torch.optim.AdamW.
class AdamW final : public Adam {
 public:
  explicit AdamW(std::vector<Variable> parameters, const AdamWOptions& options = {});
  explicit AdamW(const std::vector<ParameterGroup>& groups, const AdamWOptions& options = {});
};

}  // namespace canopy::optim
