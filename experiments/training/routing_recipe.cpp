#include <canopy/experiments/training/routing_recipe.hpp>

#include <cmath>

#include <canopy/canopy.hpp>

namespace canopy {

std::vector<std::pair<std::string, nn::EntropyWeighting>> harness::Names<nn::EntropyWeighting>::list() {
  using enum nn::EntropyWeighting;
  std::vector<std::pair<std::string, nn::EntropyWeighting>> names;
  for (const nn::EntropyWeighting each : {mean, sum, node_sum, path}) names.emplace_back(nn::to_string(each), each);
  return names;
}

std::vector<std::pair<std::string, nn::BalanceForm>> harness::Names<nn::BalanceForm>::list() {
  return {{"entropy", nn::BalanceForm::entropy}, {"frequency", nn::BalanceForm::frequency}};
}

}  // namespace canopy

namespace canopy::training {

RoutingRecipe canopy_routing() {
  return {.hardening = 0.3,
          .hardening_weighting = nn::EntropyWeighting::path,
          .balance = 0.03,
          .tree_initialisation = true,
          .straight_through_from = 0.25,
          .importance = 0.1,
          .load = 0.1};
}

RoutingSchedule::RoutingSchedule(nn::Module& model, const RoutingRecipe& recipe)
    : recipe_(recipe), trees_(nn::soft_trees(model)), routed_(!nn::routed_layers(model).empty()) {
  if (!std::isinf(recipe.hardening)) return;
  for (nn::FFF* tree : trees_) tree->freeze_tree();
}

void RoutingSchedule::set_progress(double fraction) {
  progress_ = fraction;
  if (std::isinf(recipe_.hardening)) return;
  for (nn::FFF* tree : trees_) {
    tree->set_routing(fraction >= recipe_.straight_through_from ? Routing::straight_through : Routing::soft);
  }
}

Variable RoutingSchedule::with_losses(Variable loss, const nn::RoutingTrace& trace) const {
  if (!routed_) return loss;
  const auto add = [&](double factor, const auto& term) {
    if (factor > 0 && !std::isinf(factor)) loss = loss + static_cast<float>(factor) * term();
  };
  const bool balance_phase = in_balance_phase(progress_);
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
