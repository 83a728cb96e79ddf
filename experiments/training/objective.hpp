// What a recipe minimises, and how its decisions are taken, at each time of a training.
#pragma once

#include <canopy/experiments/training/recipe.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::nn {
class FFF;
class MoE;
}  // namespace canopy::nn

namespace canopy::training {

class Objective {
 public:
  /// The model must outlive it.
  Objective(nn::Layer& model, const Recipe& recipe);

  /// Before an epoch: `progress` is the fraction of the planned epochs that is done. Sets the routing of the model.
  void start_epoch(double progress);
  /// Cross-entropy of logits [batch, classes] and labels [batch], plus the recipe's losses on the decisions of the
  /// model's last forward.
  Variable loss(const Variable& logits, const Indices& labels) const;

 private:
  Recipe recipe_;
  nn::FFF* fff_;  // the model, where it is one
  nn::MoE* moe_;
  double progress_ = 0;
};

}  // namespace canopy::training
