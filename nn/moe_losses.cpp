#include <canopy/nn/moe_losses.hpp>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/autograd/top_k.hpp>

namespace canopy::nn {
namespace {

Variable squared_variation(const Variable& x) {
  if (x.size() < 2) return Tensor::scalar(0.f);
  const Variable average = mean(x);
  const Variable variance = sum(square(x - average)) / static_cast<float>(x.size() - 1);
  return variance / (square(average) + 1e-10f);
}

}  // namespace

Variable importance(const MoE& layer) { return sum_by_group(layer.decisions().gates, layer.decisions().groups); }

Variable load(const MoE& layer) {
  const MoE::Decisions& decisions = layer.decisions();
  const std::int64_t k = layer.options().k;
  if (!layer.options().noise || k == layer.options().experts) {
    return sum_by_group(Tensor(decisions.chosen.shape(), 1.f), decisions.groups);
  }
  const Variable thresholds = slice(decisions.largest, 1, k - 1, k + 1);
  return sum(top_k_probability(decisions.clean, decisions.deviation, thresholds, decisions.chosen), 0);
}

DeferredLoss importance_loss(const MoE& layer) {
  return DeferredLoss([&layer] { return squared_variation(importance(layer)); });
}

DeferredLoss load_loss(const MoE& layer) {
  return DeferredLoss([&layer] { return squared_variation(load(layer)); });
}

}  // namespace canopy::nn
