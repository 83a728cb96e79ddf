// What a recipe minimises, and how its decisions are taken, at each time of a training.
#pragma once

#include <canopy/experiments/training/recipe.hpp>
#include <canopy/nn/routing_trace.hpp>

namespace canopy::training {

class Objective {
 public:
  /// The model must outlive it.
  Objective(nn::Module& model, const Recipe& recipe);

  /// Before an epoch: `progress` is the fraction of the planned epochs that is done. Sets the routing of the model.
  void start_epoch(double progress);
  /// Cross-entropy of logits [batch, classes] and labels [batch], plus the recipe's losses on the decisions in `trace`.
  Variable loss(const Variable& logits, const Indices& labels, const nn::RoutingTrace& trace) const;

 private:
  Recipe recipe_;
  std::vector<nn::FFF*> trees_;
  bool routed_;  // whether there are decisions at all
  double progress_ = 0;
};

}  // namespace canopy::training
