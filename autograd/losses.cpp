#include <canopy/autograd/losses.hpp>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/squared_error.hpp>

#include <fmt/format.h>

namespace canopy {

Variable mean_squared_error(const Variable& x, const Variable& target) {
  if (x.shape() != target.shape() || x.size() == 0) {
    throw ShapeError(fmt::format("mean_squared_error: x {} and target {} where equal shapes with elements are needed",
                                 x.shape().to_string(), target.shape().to_string()));
  }
  const std::int64_t n = x.size();
  const double sum = kernels::squared_error(x.value().data(), target.value().data(), n);
  return record("mean_squared_error", {x, target}, Tensor::scalar(static_cast<float>(sum / static_cast<double>(n))),
                [a = x.value(), b = target.value(), da = x.sink(), db = target.sink()](const Tensor& dy) {
                  // d/da = 2 (a - b) / n, d/db its negative
                  const auto gradient = [&](const GradientSink& sink, const Tensor& left, const Tensor& right) {
                    if (!sink.needed()) return;
                    Tensor grad(left.shape());
                    kernels::scaled_difference(left.data(), right.data(),
                                               2.f * dy.item() / static_cast<float>(left.size()), grad.mutable_data(),
                                               grad.size());
                    sink.accumulate(std::move(grad));
                  };
                  gradient(da, a, b);
                  gradient(db, b, a);
                });
}

}  // namespace canopy
