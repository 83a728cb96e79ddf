#include <canopy/experiments/training/rate_feedback.hpp>

#include <algorithm>
#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::training {

HalveOnPlateau::HalveOnPlateau(WatchedScore score, std::int64_t patience)
    : score_(std::move(score)), plateau_({.patience = patience, .higher_is_better = score_.higher_is_better}) {}

bool HalveOnPlateau::update(const std::vector<Score>& scores, double, bool) {
  const auto found = std::ranges::find(scores, score_.name, &Score::first);
  if (found == scores.end())
    throw ConfigError(fmt::format("the rate waits for the score '{}', which is none", score_.name));
  plateau_.update(found->second);
  return false;
}

optim::State HalveOnPlateau::state() const { return plateau_.state(); }

void HalveOnPlateau::load_state(const optim::State& state) { plateau_.load_state(state); }

bool TripleWhileStuck::update(const std::vector<Score>&, double best, bool improved) {
  waited_ = improved ? 0 : waited_ + 1;
  const bool on = on_ ? !improved : waited_ >= 5 && best < 90;
  return std::exchange(on_, on) != on;
}

void TripleWhileStuck::restart() {
  waited_ = 0;
  on_ = false;
}

optim::State TripleWhileStuck::state() const {
  return {.counts = {{"waited", optim::count_array(waited_, "TripleWhileStuck")},
                     {"on", optim::count_array(on_ ? 1 : 0, "TripleWhileStuck")}}};
}

void TripleWhileStuck::load_state(const optim::State& state) {
  optim::StateReader reader("TripleWhileStuck", state);
  waited_ = reader.count("waited");
  on_ = reader.count("on") != 0;
  reader.finish();
}

}  // namespace canopy::training
