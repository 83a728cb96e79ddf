// A parameter's gradient as the kernels take it.
#pragma once

#include <algorithm>

#include <canopy/autograd/variable.hpp>
#include <canopy/core/kernels/optimizer.hpp>

namespace canopy::optim::detail {

inline kernels::ParameterGradient gradient_of(const Variable& parameter, bool lazy) {
  if (!parameter.has_row_grad()) return {.values = parameter.grad().data()};
  const RowGradient& grad = parameter.row_grad();
  return {.values = grad.values.data(),
          .rows = grad.rows.data(),
          .count = grad.rows.size(),
          .width = parameter.size() / std::max<std::int64_t>(parameter.extent(0), 1),
          .lazy = lazy};
}

}  // namespace canopy::optim::detail
