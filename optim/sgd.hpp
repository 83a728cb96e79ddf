// Stochastic gradient descent.
#pragma once

#include <vector>

#include <canopy/optim/optimizer.hpp>

namespace canopy::optim {

struct SGDOptions {
  double learning_rate = 1e-2;
  double momentum = 0;      ///< in [0, 1)
  bool nesterov = false;    ///< needs a momentum
  double weight_decay = 0;  ///< added to the gradient: g + weight_decay p
  /// For very large layers whose gradients are row-sparse: rows without a gradient are left alone, parameter and state
  /// both, so that a step costs what its rows cost. Not SGD with the dense gradient then: where a row has no
  /// gradient, momentum neither moves it nor fades, and it does not decay.
  bool lazy_rows = false;
};

/// p -= learning_rate b with b = momentum b + g (g at the first step), or g + momentum b with `nesterov`; as
/// torch.optim.SGD without dampening. Throws ConfigError for invalid options.
class SGD final : public Optimizer {
 public:
  explicit SGD(std::vector<Variable> parameters, const SGDOptions& options = {});
  explicit SGD(const std::vector<ParameterGroup>& groups, const SGDOptions& options = {});

 private:
  void update(Entry& entry, const kernels::ParameterGradient& gradient, std::int64_t step,
              double learning_rate) override;
  SGDOptions options_;
};

}  // namespace canopy::optim
