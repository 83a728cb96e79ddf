#include <canopy/optim/clip.hpp>

#include <cmath>
#include <limits>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/optimizer.hpp>
#include <canopy/optim/distinct.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

void scale(Tensor& gradient, double factor) {
  float* g = gradient.mutable_data();
  // As a float such a factor would be subnormal, and flushed to zero: in two goes, of which the first is exact.
  if (factor < std::numeric_limits<float>::min()) {
    kernels::scale(g, 0x1p-64f, g, gradient.size());
    factor *= 0x1p64;
  }
  kernels::scale(g, static_cast<float>(factor), g, gradient.size());
}

}  // namespace

double clip_grad_norm(const std::vector<Variable>& parameters, double max_norm) {
  if (!(max_norm > 0)) throw ConfigError(fmt::format("clip_grad_norm: max_norm must be above 0, not {}", max_norm));
  std::vector<Variable> with_gradient = detail::distinct(parameters);
  std::erase_if(with_gradient, [](const Variable& each) { return !each.has_grad(); });
  double squares = 0;
  for (const Variable& parameter : with_gradient) {
    const Tensor& grad = parameter.has_row_grad() ? parameter.row_grad().values : parameter.grad();
    squares += kernels::sum_of_squares(grad.data(), grad.size());
  }
  const double norm = std::sqrt(squares);
  if (norm <= max_norm) return norm;
  const double factor = std::isfinite(norm) ? max_norm / norm : std::numeric_limits<double>::quiet_NaN();
  for (Variable& parameter : with_gradient) {
    scale(parameter.has_row_grad() ? parameter.mutable_row_values() : parameter.mutable_grad(), factor);
  }
  return norm;
}

}  // namespace canopy::optim
