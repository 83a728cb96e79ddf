#include <canopy/optim/schedule.hpp>

#include <cmath>
#include <numbers>

#include <canopy/core/error.hpp>
#include <canopy/optim/state.hpp>

#include <fmt/format.h>

namespace canopy::optim {

CosineDecay::CosineDecay(Optimizer& optimizer, std::int64_t total_steps)
    : optimizer_(optimizer), initial_(optimizer.learning_rate()), total_steps_(total_steps) {
  if (total_steps < 1)
    throw ConfigError(fmt::format("CosineDecay: total_steps must be 1 or more, not {}", total_steps));
}

void CosineDecay::apply() {
  const double progress = static_cast<double>(steps_) / static_cast<double>(total_steps_);
  optimizer_.set_learning_rate(steps_ >= total_steps_ ? 0 : initial_ / 2 * (1 + std::cos(std::numbers::pi * progress)));
}

void CosineDecay::step() {
  ++steps_;
  apply();
}

std::map<std::string, Tensor> CosineDecay::state() const { return {{"step", detail::count_tensor(steps_)}}; }

void CosineDecay::load_state(const std::map<std::string, Tensor>& state) {
  steps_ = detail::count_of(state, "step", "CosineDecay");
  apply();
}

HalveOnPlateau::HalveOnPlateau(Optimizer& optimizer, const HalveOnPlateauOptions& options)
    : optimizer_(optimizer), options_(options), initial_(optimizer.learning_rate()) {
  if (options.patience < 1) {
    throw ConfigError(fmt::format("HalveOnPlateau: patience must be 1 or more, not {}", options.patience));
  }
}

void HalveOnPlateau::apply() { optimizer_.set_learning_rate(initial_ * std::pow(0.5, static_cast<double>(halvings_))); }

bool HalveOnPlateau::update(double score) {
  const auto now = static_cast<float>(score);
  if (detail::is_better(now, best_, options_.higher_is_better)) {
    best_ = now;
    waited_ = 0;
    return false;
  }
  if (++waited_ < options_.patience) return false;
  waited_ = 0;
  ++halvings_;
  apply();
  return true;
}

std::map<std::string, Tensor> HalveOnPlateau::state() const {
  std::map<std::string, Tensor> state{{"waited", detail::count_tensor(waited_)},
                                      {"halvings", detail::count_tensor(halvings_)}};
  if (!std::isnan(best_)) state["best"] = Tensor({1}, best_);
  return state;
}

void HalveOnPlateau::load_state(const std::map<std::string, Tensor>& state) {
  const std::int64_t waited = detail::count_of(state, "waited", "HalveOnPlateau");
  const std::int64_t halvings = detail::count_of(state, "halvings", "HalveOnPlateau");
  best_ = state.contains("best") ? detail::number_of(state, "best", "HalveOnPlateau")
                                 : std::numeric_limits<float>::quiet_NaN();
  waited_ = waited;
  halvings_ = halvings;
  apply();
}

}  // namespace canopy::optim
