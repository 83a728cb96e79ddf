#include <canopy/autograd/top_k.hpp>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/rows.hpp>
#include <canopy/core/kernels/top_k.hpp>

#include <fmt/format.h>

namespace canopy {

Indices top_k(const Tensor& x, std::int64_t k) {
  if (x.rank() != 2 || k < 1 || k > x.extent(1)) {
    throw ShapeError(fmt::format("top_k: there are no {} largest in rows of {}", k, x.shape().to_string()));
  }
  Indices index({x.extent(0), k});
  kernels::top_k(x.data(), x.extent(0), x.extent(1), k, index.mutable_data());
  return index;
}

Variable gather(const Variable& x, const Indices& indices) {
  if (x.shape().rank() != 2 || indices.rank() != 2 || indices.extent(0) != x.extent(0)) {
    throw ShapeError(fmt::format("gather: x [rows, n] and indices [rows, k] are needed, not {} and {}",
                                 x.shape().to_string(), indices.shape().to_string()));
  }
  const std::int64_t rows = x.extent(0), n = x.extent(1), k = indices.extent(1);
  kernels::check_indices(indices.data(), indices.size(), n, "gather");
  Tensor y({rows, k});
  kernels::gather_columns(x.value().data(), indices.data(), rows, n, k, y.mutable_data());
  return record("gather", {x}, std::move(y), keep(indices), [=, dx = x.sink()](const Tensor& dy) {
    Tensor grad({rows, n});
    kernels::gather_columns_backward(dy.data(), indices.data(), rows, n, k, grad.mutable_data());
    dx.accumulate(std::move(grad));
  });
}

Variable top_k_probability(const Variable& mean, const Variable& deviation, const Variable& thresholds,
                           const Indices& chosen) {
  const Shape& shape = mean.shape();
  if (shape.rank() != 2 || deviation.shape() != shape || thresholds.shape() != Shape{shape[0], 2} ||
      chosen.rank() != 2 || chosen.extent(0) != shape[0]) {
    throw ShapeError(fmt::format(
        "top_k_probability: mean and deviation [rows, n], thresholds [rows, 2] and chosen [rows, k] are "
        "needed, not {}, {}, {} and {}",
        shape.to_string(), deviation.shape().to_string(), thresholds.shape().to_string(), chosen.shape().to_string()));
  }
  kernels::check_indices(chosen.data(), chosen.size(), shape[1], "top_k_probability");
  const Tensor m = mean.value(), s = deviation.value(), t = thresholds.value();
  const auto arguments = [=] {
    return kernels::TopKProbability{m.data(),    s.data(),    t.data(),        chosen.data(),
                                    m.extent(0), m.extent(1), chosen.extent(1)};
  };
  Tensor p(shape);
  kernels::top_k_probability(arguments(), p.mutable_data());
  return record(
      "top_k_probability", {mean, deviation, thresholds}, std::move(p), keep(m, s, t, chosen),
      [=, dmean = mean.sink(), ddeviation = deviation.sink(), dthresholds = thresholds.sink()](const Tensor& dp) {
        Tensor dm(m.shape()), ds(m.shape()), dt(t.shape());
        kernels::top_k_probability_backward(arguments(), dp.data(), dm.mutable_data(), ds.mutable_data(),
                                            dt.mutable_data());
        dmean.accumulate(std::move(dm));
        ddeviation.accumulate(std::move(ds));
        dthresholds.accumulate(std::move(dt));
      });
}

}  // namespace canopy
