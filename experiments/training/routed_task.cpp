#include <canopy/experiments/training/routed_task.hpp>

#include <cmath>
#include <utility>

#include <canopy/experiments/training/trainer.hpp>

namespace canopy::training {

RoutedTask::RoutedTask(std::unique_ptr<nn::Module> model, const Optimisation& optimisation,
                       const RoutingRecipe& routing)
    : model_(std::move(model)),
      optimisation_(optimisation),
      recipe_(routing),
      routing_(*model_, routing),
      usage_(*model_, nn::Usage::soft) {}

void RoutedTask::start_epoch(Trainer& trainer) {
  const auto in_phase = [&](std::int64_t epoch) {
    return static_cast<double>(epoch) / static_cast<double>(trainer.options().epochs) < recipe_.balance_phase;
  };
  if (recipe_.balance_phase == 0 || trainer.epoch() == 0) return;
  if (in_phase(trainer.epoch() - 1) && !in_phase(trainer.epoch())) trainer.restart_from_best();
}

void RoutedTask::set_progress(const Progress& progress) {
  progress_ = progress;
  routing_.set_progress(progress.pass);
}

Variable RoutedTask::with_routing(const std::function<Variable()>& task_loss) {
  const nn::RoutingTrace trace;
  Variable loss = task_loss();
  loss = routing_.with_losses(std::move(loss), trace);
  if (!std::isfinite(loss.value().item())) return loss;
  observe(trace);
  if (optimisation_.local_batch > 0) usage_.add(trace);
  return loss;
}

}  // namespace canopy::training
