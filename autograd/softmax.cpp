#include <canopy/autograd/softmax.hpp>

#include <algorithm>
#include <utility>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/softmax.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// The last axis; rows() of them make the array.
std::int64_t row_length(const char* operation, const Shape& shape) {
  if (shape.rank() == 0) throw ShapeError(fmt::format("{}: a scalar has no last axis", operation));
  return shape[-1];
}

std::int64_t rows(const Tensor& x) { return x.shape().without(-1).size(); }

}  // namespace

Variable softmax(const Variable& x) {
  const std::int64_t n = row_length("softmax", x.shape());
  Tensor y(x.shape());
  kernels::softmax(x.value().data(), y.mutable_data(), rows(y), n);
  return record("softmax", {x}, y, keep(y), [y, n, dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor grad(dy.shape());
    kernels::softmax_backward(y.data(), dy.data(), grad.mutable_data(), rows(y), n);
    dx.accumulate(std::move(grad));
  });
}

Variable log_softmax(const Variable& x) {
  const std::int64_t n = row_length("log_softmax", x.shape());
  Tensor y(x.shape());
  kernels::log_softmax(x.value().data(), y.mutable_data(), rows(y), n);
  return record("log_softmax", {x}, y, keep(y), [y, n, dx = x.sink()](const Tensor& dy) {
    if (!dx.needed()) return;
    Tensor grad(dy.shape());
    kernels::log_softmax_backward(y.data(), dy.data(), grad.mutable_data(), rows(y), n);
    dx.accumulate(std::move(grad));
  });
}

Variable cross_entropy(const Variable& logits, const Indices& labels, const CrossEntropyOptions& options) {
  const std::int64_t classes = row_length("cross_entropy", logits.shape());
  if (logits.shape().without(-1) != labels.shape()) {
    throw ShapeError(fmt::format("cross_entropy: logits {} need labels {}, not {}", logits.shape().to_string(),
                                 logits.shape().without(-1).to_string(), labels.shape().to_string()));
  }
  if (!(options.label_smoothing >= 0.f && options.label_smoothing <= 1.f)) {
    throw ConfigError(fmt::format("cross_entropy: label_smoothing must be in [0, 1], not {}", options.label_smoothing));
  }
  const Tensor x = logits.value();
  const kernels::CrossEntropyOptions targets{options.label_smoothing, options.ignore_index};
  Tensor statistics({labels.size(), 2});
  Tensor losses;  // null where they are not wanted apart
  if (options.reduction == Reduction::none) losses = Tensor(labels.shape());
  const auto [sum, counted] = kernels::cross_entropy(x.data(), labels.data(), labels.size(), classes, targets,
                                                     statistics.mutable_data(), losses.mutable_data());
  const std::int64_t divisor = options.reduction == Reduction::mean ? std::max<std::int64_t>(counted, 1) : 1;
  const Tensor y = options.reduction == Reduction::none
                       ? losses
                       : Tensor::scalar(static_cast<float>(sum / static_cast<double>(divisor)));
  return record("cross_entropy", {logits}, y, keep(x, labels, statistics),
                [=, reduction = options.reduction, dx = logits.sink()](const Tensor& dy) {
                  if (!dx.needed()) return;
                  const Tensor rows_dy = reduction == Reduction::none
                                             ? dy
                                             : Tensor(labels.shape(), dy.item() / static_cast<float>(divisor));
                  Tensor grad(x.shape());
                  kernels::cross_entropy_backward(x.data(), labels.data(), statistics.data(), rows_dy.data(),
                                                  labels.size(), classes, targets, grad.mutable_data());
                  dx.accumulate(std::move(grad));
                });
}

}  // namespace canopy
