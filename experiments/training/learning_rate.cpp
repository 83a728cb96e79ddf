#include <canopy/experiments/training/learning_rate.hpp>

#include <utility>

namespace canopy::training {

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "cosine", "plateau", "boost"};
  return names;
}

LearningRate::LearningRate(const Options& options)
    : schedule_(options.schedule == "cosine" ? optim::cosine({.rate = options.rate, .steps = options.steps})
                                             : optim::constant(options.rate)) {
  if (options.schedule == "plateau") plateau_.emplace(optim::PlateauOptions{.patience = options.plateau});
  if (options.schedule == "boost") boost_.emplace();
}

double LearningRate::at(std::int64_t step) const {
  double rate = schedule_(step);
  if (plateau_) rate *= plateau_->factor();
  if (boost_ && boost_->on) rate *= 3;
  return rate;
}

bool LearningRate::epoch(double training_accuracy, double best_selection, bool improved) {
  if (plateau_) plateau_->update(training_accuracy);
  if (!boost_) return false;
  boost_->waited = improved ? 0 : boost_->waited + 1;
  const bool on = boost_->on ? !improved : boost_->waited >= 5 && best_selection < 90;
  return std::exchange(boost_->on, on) != on;
}

void LearningRate::restart() {
  if (boost_) *boost_ = {};
}

optim::State LearningRate::state() const {
  if (plateau_) return plateau_->state();
  if (!boost_) return {};
  return {.counts = {{"waited", optim::count_array(boost_->waited, "boost")},
                     {"on", optim::count_array(boost_->on ? 1 : 0, "boost")}}};
}

void LearningRate::load_state(const optim::State& state) {
  if (plateau_) {
    optim::State renamed = state;  // before 0.2 reductions were called halvings
    if (auto halvings = renamed.tensors.extract("halvings")) {
      halvings.key() = "reductions";
      renamed.tensors.insert(std::move(halvings));
    }
    plateau_->load_state(renamed);
  }
  if (boost_) {
    optim::StateReader reader("boost", state);
    *boost_ = {.waited = reader.count("waited"), .on = reader.count("on") != 0};
  }
}

}  // namespace canopy::training
