// What evaluations teach the learning rate: a factor beside its schedule.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <canopy/experiments/training/task.hpp>
#include <canopy/optim/plateau.hpp>

namespace canopy::training {

class RateFeedback {
 public:
  virtual ~RateFeedback() = default;
  virtual double factor() const = 0;
  /// After each evaluation; `improved`: it is the best so far. True where the optimizer is to begin anew.
  virtual bool update(const std::vector<Score>& scores, double best, bool improved) = 0;
  /// A new phase of the training begins.
  virtual void restart() {}
  virtual optim::State state() const = 0;
  virtual void load_state(const optim::State& state) = 0;
};

/// Halves the rate where a score stands still (paper 1, Table 2: the training accuracy). It spans all phases.
class HalveOnPlateau final : public RateFeedback {
 public:
  HalveOnPlateau(WatchedScore score, std::int64_t patience);
  double factor() const override { return plateau_.factor(); }
  bool update(const std::vector<Score>& scores, double best, bool improved) override;
  optim::State state() const override;
  void load_state(const optim::State& state) override;

 private:
  WatchedScore score_;
  optim::Plateau plateau_;
};

/// Paper 3's released code: five evaluations without a better model, the best still below 90 %, and the rate is tripled
/// until there is one; the optimizer begins anew with each change.
class TripleWhileStuck final : public RateFeedback {
 public:
  double factor() const override { return on_ ? 3 : 1; }
  bool update(const std::vector<Score>& scores, double best, bool improved) override;
  void restart() override;
  optim::State state() const override;
  void load_state(const optim::State& state) override;

 private:
  std::int64_t waited_ = 0;
  bool on_ = false;
};

}  // namespace canopy::training
