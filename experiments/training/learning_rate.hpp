// How the learning rate moves during a training, by the schedules that the papers name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <canopy/optim/optimizer.hpp>
#include <canopy/optim/schedule.hpp>

namespace canopy::training {

/// "constant"; "cosine": to 0 over all steps; "plateau": halved where the training accuracy stands still (paper 1,
/// Table 2); "boost": tripled while the selection accuracy is stuck below 90 % (paper 3's released code).
const std::vector<std::string>& schedule_names();

/// Moves the rate of one optimizer, which must outlive it.
class LearningRate {
 public:
  struct Options {
    std::string schedule = "constant";
    std::int64_t steps = 1;      ///< "cosine": of the whole training
    std::int64_t plateau = 250;  ///< "plateau": epochs
  };
  LearningRate(optim::Optimizer& optimizer, const Options& options);

  /// After each step of the optimizer.
  void step();
  /// After each epoch, with its training accuracy and the best selection accuracy so far, in percent, and whether that
  /// is this epoch's. True where the optimizer is to begin anew at its present rate: "boost" does so with each change.
  bool epoch(double training_accuracy, double best_selection, bool improved);
  /// A new phase: what "boost" waited for is forgotten. The other schedules span all phases.
  void restart();

  std::map<std::string, Tensor> state() const;
  /// Throws CheckpointError.
  void load_state(const std::map<std::string, Tensor>& state);

 private:
  /// Five epochs without a better model, the best still below 90 %: three times the rate until there is one.
  struct Boost {
    std::int64_t waited = 0;
    bool on = false;
  };
  void apply_boost();

  optim::Optimizer& optimizer_;
  double initial_;
  std::optional<optim::CosineDecay> cosine_;
  std::optional<optim::HalveOnPlateau> plateau_;
  std::optional<Boost> boost_;
};

}  // namespace canopy::training
