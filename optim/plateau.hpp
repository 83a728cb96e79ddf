// A multiplier of the learning rate that falls where the score stands still.
#pragma once

#include <cstdint>
#include <limits>

#include <canopy/optim/state.hpp>

namespace canopy::optim {

struct PlateauOptions {
  std::int64_t patience = 10;    ///< updates without a new best before the multiplier falls, and between falls
  double factor = 0.5;           ///< what the multiplier is multiplied by, in (0, 1)
  bool higher_is_better = true;  ///< accuracies; false for losses
  double threshold = 0;          ///< a new best must be better by more than this, from 0
  std::int64_t cooldown = 0;     ///< updates after a fall that do not count as waiting, from 0
};

/// Unlike a schedule it depends on scores, not on the step; the two compose by multiplication:
///
///   optimizer.set_learning_rate(schedule(step) * plateau.factor());
class Plateau {
 public:
  /// Throws ConfigError for invalid options.
  explicit Plateau(const PlateauOptions& options = {});

  /// After each epoch; whether the multiplier fell. NaN is never a best. Scores are compared as floats.
  bool update(double score);
  /// 1 before the first fall.
  double factor() const;

  /// The counts "waited", "reductions" and, while cooling down, "cooling"; a tensor "best" [1] once there is one.
  State state() const;
  /// Throws CheckpointError, and changes nothing, if an entry is missing, unknown or makes no sense.
  void load_state(const State& state);

 private:
  PlateauOptions options_;
  float best_ = std::numeric_limits<float>::quiet_NaN();  // NaN: none yet
  std::int64_t waited_ = 0;
  std::int64_t reductions_ = 0;
  std::int64_t cooling_ = 0;  // updates left
};

}  // namespace canopy::optim
