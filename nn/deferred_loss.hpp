// A loss on what a layer did in its last forward, computed when it is added to another loss.
#pragma once

#include <functional>
#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/variable.hpp>

namespace canopy::nn {

/// C++ may evaluate the right operand of `cross_entropy(model(x), labels) + 0.3f * hardening_loss(model)` first, before
/// the forward whose decisions the loss reads. So the loss is computed inside of `+`, when both operands are there, or
/// where it is converted to a Variable. The layer must live until then.
class DeferredLoss {
 public:
  explicit DeferredLoss(std::function<Variable()> compute) : compute_(std::move(compute)) {}

  /// Computes it now, from the layer's last forward.
  operator Variable() const { return compute_(); }  // NOLINT(google-explicit-constructor): it stands for a Variable

  friend DeferredLoss operator*(float factor, DeferredLoss loss) {
    return DeferredLoss([factor, compute = std::move(loss.compute_)] { return factor * compute(); });
  }
  friend DeferredLoss operator*(DeferredLoss loss, float factor) { return factor * std::move(loss); }
  friend Variable operator+(const Variable& a, const DeferredLoss& b) { return a + b.compute_(); }
  friend Variable operator+(const DeferredLoss& a, const Variable& b) { return b + a; }
  friend DeferredLoss operator+(DeferredLoss a, DeferredLoss b) {
    return DeferredLoss([a = std::move(a.compute_), b = std::move(b.compute_)] { return a() + b(); });
  }

 private:
  std::function<Variable()> compute_;
};

}  // namespace canopy::nn
