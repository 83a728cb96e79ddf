// What a recipe does to the routed layers of a model in the course of a training, whatever the model and its task.
#pragma once

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/experiments/harness/fields.hpp>
#include <canopy/nn/routed/routing_losses.hpp>

template <>
struct canopy::harness::Names<canopy::nn::EntropyWeighting> {
  static std::vector<std::pair<std::string, nn::EntropyWeighting>> list();
};
template <>
struct canopy::harness::Names<canopy::nn::BalanceForm> {
  static std::vector<std::pair<std::string, nn::BalanceForm>> list();
};

namespace canopy::training {

/// Fractions are of the planned training. Coefficients of losses on layers that a model does not have do nothing.
struct RoutingRecipe {
  double hardening = 3;  ///< the paper's h; infinity freezes trees as initialised, with hard decisions
  nn::EntropyWeighting hardening_weighting = nn::EntropyWeighting::mean;
  double hardening_from = 0;  ///< fraction of the training before hardening sets in
  double balance = 0;         ///< coefficient of the load balance loss
  nn::BalanceForm balance_form = nn::BalanceForm::entropy;
  /// Paper 3's first phase, a fraction of the training: hardening is `balance_phase_hardening` there, and what follows
  /// starts from its best model, with a fresh optimizer and without the balance loss. 0: no phases.
  double balance_phase = 0;
  double balance_phase_hardening = 1;
  bool tree_initialisation = false;  ///< nn::initialise_trees from the training data
  double straight_through_from = 1;  ///< fraction of the training with soft routing before straight-through routing
  double importance = 0;             ///< coefficients of a mixture's losses (Shazeer et al. 2017)
  double load = 0;
};

template <class R, class Visit>
requires std::same_as<std::remove_const_t<R>, RoutingRecipe>
void visit_fields(R& r, const Visit& visit) {
  using namespace harness;
  visit("hardening", r.hardening, real_from_0_or_infinite);
  visit("hardening_weighting", r.hardening_weighting, unchecked);
  visit("hardening_from", r.hardening_from, fraction);
  visit("balance", r.balance, real_from_0);
  visit("balance_form", r.balance_form, unchecked);
  visit("balance_phase", r.balance_phase, fraction_below_1);
  visit("balance_phase_hardening", r.balance_phase_hardening, real_from_0);
  visit("tree_initialisation", r.tree_initialisation, unchecked);
  visit("straight_through_from", r.straight_through_from, fraction);
  visit("importance", r.importance, real_from_0);
  visit("load", r.load, real_from_0);
}

/// What keeps trees and experts from collapsing on any data whose inputs have mean 0: entropy weighted by reach, a
/// little load balance, trees initialised from the data, straight-through routing after a quarter of the training. Of
/// the recipe "canopy"; experiments/fff/ablation.cpp takes it apart.
RoutingRecipe canopy_routing();

/// Applies a recipe to a model, which must outlive it.
class RoutingSchedule {
 public:
  RoutingSchedule(nn::Module& model, const RoutingRecipe& recipe);

  /// Sets the routing of the trees for what comes at this fraction of the training.
  void set_progress(double fraction);
  /// Whether this fraction belongs to the balance phase.
  bool in_balance_phase(double fraction) const { return fraction < recipe_.balance_phase; }
  /// The loss of a task and the recipe's losses on the decisions of its forward.
  Variable with_losses(Variable loss, const nn::RoutingTrace& trace) const;

 private:
  RoutingRecipe recipe_;
  std::vector<nn::FFF*> trees_;
  bool routed_;  // whether there are decisions at all
  double progress_ = 0;
};

}  // namespace canopy::training
