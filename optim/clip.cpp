#include <canopy/optim/clip.hpp>

#include <cmath>
#include <limits>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/optimizer.hpp>

#include <fmt/format.h>

namespace canopy::optim {

double clip_grad_norm(const std::vector<Variable>& parameters, double max_norm) {
  if (!(max_norm > 0)) throw ConfigError(fmt::format("clip_grad_norm: max_norm must be above 0, not {}", max_norm));
  double squares = 0;
  for (const Variable& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    const Tensor& grad = parameter.has_row_grad() ? parameter.row_grad().values : parameter.grad();
    squares += kernels::sum_of_squares(grad.data(), grad.size());
  }
  const double norm = std::sqrt(squares);
  if (norm <= max_norm) return norm;
  const double factor = std::isfinite(norm) ? max_norm / norm : std::numeric_limits<double>::quiet_NaN();
  for (Variable parameter : parameters) {
    if (!parameter.has_grad()) continue;
    Tensor& grad = parameter.has_row_grad() ? parameter.mutable_row_values() : parameter.mutable_grad();
    float* g = grad.mutable_data();
    kernels::scale(g, static_cast<float>(factor), g, grad.size());
  }
  return norm;
}

}  // namespace canopy::optim
