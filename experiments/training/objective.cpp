#include <canopy/experiments/training/objective.hpp>

#include <cmath>

#include <canopy/canopy.hpp>

namespace canopy::training {

Objective::Objective(nn::Layer& model, const Recipe& recipe)
    : recipe_(recipe), fff_(dynamic_cast<nn::FFF*>(&model)), moe_(dynamic_cast<nn::MoE*>(&model)) {
  if (fff_ != nullptr && std::isinf(recipe.hardening)) fff_->freeze_tree();
}

void Objective::start_epoch(double progress) {
  progress_ = progress;
  if (fff_ == nullptr || std::isinf(recipe_.hardening)) return;
  fff_->set_routing(progress >= recipe_.straight_through_from ? Routing::straight_through : Routing::soft);
}

Variable Objective::loss(const Variable& logits, const Indices& labels) const {
  Variable loss = cross_entropy(logits, labels);
  const auto add = [&](double factor, const nn::DeferredLoss& term) {
    if (factor > 0 && !std::isinf(factor)) loss = loss + static_cast<float>(factor) * term;
  };
  if (moe_ != nullptr) {
    add(recipe_.importance, nn::importance_loss(*moe_));
    add(recipe_.load, nn::load_loss(*moe_));
  }
  if (fff_ != nullptr && fff_->nodes() > 0) {
    const bool balance_phase = progress_ < recipe_.balance_phase;
    if (progress_ >= recipe_.hardening_from) {
      add(balance_phase ? recipe_.balance_phase_hardening : recipe_.hardening,
          nn::hardening_loss(*fff_, {.weighting = recipe_.hardening_weighting}));
    }
    if (balance_phase || recipe_.balance_phase == 0) {
      add(recipe_.balance, nn::load_balance_loss(*fff_, {.form = recipe_.balance_form}));
    }
  }
  return loss;
}

}  // namespace canopy::training
