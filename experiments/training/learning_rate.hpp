// How the learning rate moves during a training, by the schedules that the papers name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <canopy/optim/plateau.hpp>
#include <canopy/optim/schedule.hpp>
#include <canopy/optim/state.hpp>

namespace canopy::training {

/// "constant"; "cosine": to 0 over all steps; "plateau": halved where the training accuracy stands still (paper 1,
/// Table 2); "boost": tripled while the selection accuracy is stuck below 90 % (paper 3's released code).
const std::vector<std::string>& schedule_names();

/// A schedule of the step, times what scores make of it.
class LearningRate {
 public:
  struct Options {
    std::string schedule = "constant";
    double rate = 0;             ///< at the first step
    std::int64_t steps = 1;      ///< "cosine": of the whole training
    std::int64_t plateau = 250;  ///< "plateau": epochs
  };
  /// Throws ConfigError for options that a schedule of the library refuses.
  explicit LearningRate(const Options& options);

  /// The rate of step 0, 1, ..., counted over the whole training.
  double at(std::int64_t step) const;
  /// After each epoch, with its training accuracy and the best selection accuracy so far, in percent, and whether that
  /// is this epoch's. True where the optimizer is to begin anew: "boost" wants it with each change.
  bool epoch(double training_accuracy, double best_selection, bool improved);
  /// A new phase: what "boost" waited for is forgotten. The other schedules span all phases.
  void restart();

  /// What scores have decided; the step belongs to the caller.
  optim::State state() const;
  /// Throws CheckpointError.
  void load_state(const optim::State& state);

 private:
  /// Five epochs without a better model, the best still below 90 %: three times the rate until there is one.
  struct Boost {
    std::int64_t waited = 0;
    bool on = false;
  };

  optim::Schedule schedule_;
  std::optional<optim::Plateau> plateau_;
  std::optional<Boost> boost_;
};

}  // namespace canopy::training
