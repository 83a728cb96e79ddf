// A task whose model may route: what a training needs besides data, loss and scores.
#pragma once

#include <functional>
#include <memory>

#include <canopy/experiments/training/optimisation.hpp>
#include <canopy/experiments/training/routing_recipe.hpp>
#include <canopy/experiments/training/task.hpp>
#include <canopy/nn/routed/routing_usage.hpp>

namespace canopy::training {

/// Routing by a recipe, the losses on it, and an optimizer that knows what rows of parameters belong to. The model is
/// any, whatever it reads.
class RoutedTask : public Task {
 public:
  RoutedTask(std::unique_ptr<nn::Module> model, const Optimisation& optimisation, const RoutingRecipe& routing);

  nn::Module& model() override { return *model_; }
  const nn::Module& model() const { return *model_; }
  const Optimisation& optimisation() const { return optimisation_; }
  /// A new one for the parameters of the model.
  std::unique_ptr<optim::Optimizer> optimizer() const { return make_optimizer(optimisation_, *model_, usage_); }

  /// At the end of a balance phase training goes on from its best model.
  void start_epoch(Trainer& trainer) override;
  void set_progress(const Progress& progress) override;

 protected:
  const Progress& progress() const { return progress_; }
  /// What `task_loss` gives, which runs the model, and the recipe's losses on what was routed meanwhile.
  Variable with_routing(const std::function<Variable()>& task_loss);
  /// Called with the decisions of each forward in training whose loss is a number.
  virtual void observe(const nn::RoutingTrace&) {}

 private:
  std::unique_ptr<nn::Module> model_;
  Optimisation optimisation_;
  RoutingRecipe recipe_;
  RoutingSchedule routing_;
  nn::RoutingUsage usage_;
  Progress progress_;
};

}  // namespace canopy::training
