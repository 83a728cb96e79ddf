#include <canopy/autograd/losses.hpp>

#include <algorithm>
#include <functional>
#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/elementwise.hpp>
#include <canopy/core/kernels/losses.hpp>
#include <canopy/core/kernels/reductions.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

// What tells one loss from another: the elements' losses and their sum, and the derivatives, as the kernels compute
// them.
struct ElementLoss {
  using Value = std::function<double(const float* x, const float* t, float* out, std::int64_t n)>;
  using Slope = std::function<void(const float* x, const float* t, float scale, float* out, std::int64_t n)>;
  Value value;
  Slope slope;         // d value / dx
  Slope target_slope;  // d value / dt
};

// A loss of |x - t|, whose slope changes its sign when the two are exchanged.
ElementLoss loss_of_difference(ElementLoss::Value value, const ElementLoss::Slope& slope) {
  return {std::move(value), slope, [slope](const float* x, const float* t, float scale, float* out, std::int64_t n) {
            slope(t, x, scale, out, n);
          }};
}

void multiply_by(Tensor& x, const Tensor& factors) {
  float* out = x.mutable_data();
  kernels::multiply(out, factors.data(), out, x.size());
}

void require_shapes(const char* name, const Variable& x, const Variable& target) {
  if (x.shape() == target.shape() && x.size() > 0) return;
  throw ShapeError(fmt::format("{}: x {} and target {} where equal shapes with elements are needed", name,
                               x.shape().to_string(), target.shape().to_string()));
}

// `weight` in the full shape, or null where there is none.
Tensor stretched(const char* name, const char* what, const Tensor& weight, const Shape& shape) {
  if (weight.shape() == Shape{0}) return {};
  if (broadcast(weight.shape(), shape, name) != shape) {
    throw ShapeError(
        fmt::format("{}: {} {} does not fit x {}", name, what, weight.shape().to_string(), shape.to_string()));
  }
  return broadcast_to(weight, shape);
}

Variable record_loss(const char* name, const Variable& x, const Variable& target, const ElementLoss& loss,
                     const Tensor& weight, Reduction reduction) {
  const Tensor weights = stretched(name, "weight", weight, x.shape());
  const std::int64_t n = x.size();
  Tensor each;  // null where the sum alone is wanted
  if (!weights.empty() || reduction == Reduction::none) each = Tensor(x.shape());
  double sum = loss.value(x.value().data(), target.value().data(), each.mutable_data(), n);
  if (!weights.empty()) {
    multiply_by(each, weights);
    sum = kernels::sum(each.data(), n);
  }
  const double divisor = reduction == Reduction::mean ? static_cast<double>(n) : 1;
  const Tensor y = reduction == Reduction::none ? each : Tensor::scalar(static_cast<float>(sum / divisor));
  return record(name, {x, target}, y, keep(x.value(), target.value(), weights),
                [=, v = x.value(), t = target.value(), dx = x.sink(), dt = target.sink()](const Tensor& dy) {
                  const bool apart = reduction == Reduction::none;
                  const float scale = apart ? 1.f : static_cast<float>(dy.item() / divisor);
                  const auto accumulate = [&](const GradientSink& sink, const ElementLoss::Slope& slope) {
                    if (!sink.needed()) return;
                    Tensor grad(v.shape());
                    slope(v.data(), t.data(), scale, grad.mutable_data(), n);
                    if (!weights.empty()) multiply_by(grad, weights);
                    if (apart) multiply_by(grad, dy);
                    sink.accumulate(std::move(grad));
                  };
                  accumulate(dx, loss.slope);
                  accumulate(dt, loss.target_slope);
                });
}

}  // namespace

Variable mean_squared_error(const Variable& x, const Variable& target, const LossOptions& options) {
  require_shapes("mean_squared_error", x, target);
  return record_loss("mean_squared_error", x, target,
                     loss_of_difference(kernels::squared_error, kernels::squared_error_slope), options.weight,
                     options.reduction);
}

Variable mean_absolute_error(const Variable& x, const Variable& target, const LossOptions& options) {
  require_shapes("mean_absolute_error", x, target);
  return record_loss("mean_absolute_error", x, target,
                     loss_of_difference(kernels::absolute_error, kernels::absolute_error_slope), options.weight,
                     options.reduction);
}

Variable huber_loss(const Variable& x, const Variable& target, const HuberOptions& options) {
  require_shapes("huber_loss", x, target);
  const float delta = options.delta;
  if (!(delta > 0.f)) throw ConfigError(fmt::format("huber_loss: delta must be above 0, not {}", delta));
  const auto value = [delta](const float* a, const float* t, float* out, std::int64_t n) {
    return kernels::huber(a, t, delta, out, n);
  };
  const auto slope = [delta](const float* a, const float* t, float scale, float* out, std::int64_t n) {
    kernels::huber_slope(a, t, delta, scale, out, n);
  };
  return record_loss("huber_loss", x, target, loss_of_difference(value, slope), options.weight, options.reduction);
}

Variable binary_cross_entropy_with_logits(const Variable& logits, const Variable& target,
                                          const BinaryCrossEntropyOptions& options) {
  constexpr const char* name = "binary_cross_entropy_with_logits";
  require_shapes(name, logits, target);
  const Tensor positive = stretched(name, "positive_weight", options.positive_weight, logits.shape());
  const auto value = [positive](const float* x, const float* t, float* out, std::int64_t n) {
    return kernels::binary_cross_entropy(x, t, positive.data(), out, n);
  };
  const auto slope = [positive](const float* x, const float* t, float scale, float* out, std::int64_t n) {
    kernels::binary_cross_entropy_slope(x, t, positive.data(), scale, out, n);
  };
  const auto target_slope = [positive](const float* x, const float*, float scale, float* out, std::int64_t n) {
    kernels::binary_cross_entropy_target_slope(x, positive.data(), scale, out, n);
  };
  return record_loss(name, logits, target, {value, slope, target_slope}, options.weight, options.reduction);
}

Variable binary_cross_entropy(const Variable& x, const Variable& target, const LossOptions& options) {
  require_shapes("binary_cross_entropy", x, target);
  const auto elements = x.value().elements();
  const auto wrong = std::ranges::find_if(elements, [](float p) { return !(p >= 0.f && p <= 1.f); });
  if (wrong != elements.end()) {
    throw DataError(
        fmt::format("binary_cross_entropy: element {} of x is {}, no probability in [0, 1]; logits go to "
                    "binary_cross_entropy_with_logits",
                    wrong - elements.begin(), *wrong));
  }
  const auto target_slope = [](const float* p, const float*, float scale, float* out, std::int64_t n) {
    kernels::probability_cross_entropy_target_slope(p, scale, out, n);
  };
  return record_loss("binary_cross_entropy", x, target,
                     {kernels::probability_cross_entropy, kernels::probability_cross_entropy_slope, target_slope},
                     options.weight, options.reduction);
}

}  // namespace canopy
