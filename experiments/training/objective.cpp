#include <canopy/experiments/training/objective.hpp>

#include <cmath>

#include <canopy/canopy.hpp>

namespace canopy::training {

Objective::Objective(nn::Module& model, const Recipe& recipe)
    : recipe_(recipe), trees_(nn::soft_trees(model)), routed_(!nn::routed_layers(model).empty()) {
  if (!std::isinf(recipe.hardening)) return;
  for (nn::FFF* tree : trees_) tree->freeze_tree();
}

void Objective::start_epoch(double progress) {
  progress_ = progress;
  if (std::isinf(recipe_.hardening)) return;
  for (nn::FFF* tree : trees_) {
    tree->set_routing(progress >= recipe_.straight_through_from ? Routing::straight_through : Routing::soft);
  }
}

Variable Objective::loss(const Variable& logits, const Indices& labels, const nn::RoutingTrace& trace) const {
  Variable loss = cross_entropy(logits, labels);
  if (!routed_) return loss;
  const auto add = [&](double factor, const auto& term) {
    if (factor > 0 && !std::isinf(factor)) loss = loss + static_cast<float>(factor) * term();
  };
  const bool balance_phase = progress_ < recipe_.balance_phase;
  add(recipe_.importance, [&] { return nn::importance_loss(trace); });
  add(recipe_.load, [&] { return nn::load_loss(trace); });
  if (progress_ >= recipe_.hardening_from) {
    add(balance_phase ? recipe_.balance_phase_hardening : recipe_.hardening,
        [&] { return nn::hardening_loss(trace, {.weighting = recipe_.hardening_weighting}); });
  }
  if (balance_phase || recipe_.balance_phase == 0) {
    add(recipe_.balance, [&] { return nn::load_balance_loss(trace, {.form = recipe_.balance_form}); });
  }
  return loss;
}

}  // namespace canopy::training
