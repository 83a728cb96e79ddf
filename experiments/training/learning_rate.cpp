#include <canopy/experiments/training/learning_rate.hpp>

#include <canopy/core/error.hpp>

namespace canopy::training {

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "cosine", "plateau", "boost"};
  return names;
}

LearningRate::LearningRate(optim::Optimizer& optimizer, const Options& options)
    : optimizer_(optimizer), initial_(optimizer.learning_rate()) {
  if (options.schedule == "cosine") cosine_.emplace(optimizer, options.steps);
  if (options.schedule == "plateau") {
    plateau_.emplace(optimizer, optim::HalveOnPlateauOptions{.patience = options.plateau});
  }
  if (options.schedule == "boost") boost_.emplace();
}

void LearningRate::step() {
  if (cosine_) cosine_->step();
}

bool LearningRate::epoch(double training_accuracy, double best_selection, bool improved) {
  if (plateau_) plateau_->update(training_accuracy);
  if (!boost_) return false;
  boost_->waited = improved ? 0 : boost_->waited + 1;
  const bool on = boost_->on ? !improved : boost_->waited >= 5 && best_selection < 90;
  if (on == boost_->on) return false;
  boost_->on = on;
  apply_boost();
  return true;
}

void LearningRate::restart() {
  if (!boost_) return;
  *boost_ = {};
  apply_boost();
}

void LearningRate::apply_boost() { optimizer_.set_learning_rate(boost_->on ? 3 * initial_ : initial_); }

std::map<std::string, Tensor> LearningRate::state() const {
  if (cosine_) return cosine_->state();
  if (plateau_) return plateau_->state();
  if (!boost_) return {};
  return {{"waited", Tensor({1}, static_cast<float>(boost_->waited))}, {"on", Tensor({1}, boost_->on ? 1.f : 0.f)}};
}

void LearningRate::load_state(const std::map<std::string, Tensor>& state) {
  if (cosine_) cosine_->load_state(state);
  if (plateau_) plateau_->load_state(state);
  if (!boost_) return;
  const auto waited = state.find("waited"), on = state.find("on");
  if (waited == state.end() || on == state.end()) throw CheckpointError("the state of the learning rate is missing");
  *boost_ = {.waited = static_cast<std::int64_t>(waited->second.item()), .on = on->second.item() != 0};
  apply_boost();
}

}  // namespace canopy::training
