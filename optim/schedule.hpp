// Learning-rate schedules. Each starts from the rate that its optimizer has when it is made, owns that rate from then
// on and exports what a resumed run needs.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include <canopy/core/array.hpp>
#include <canopy/optim/optimizer.hpp>

namespace canopy::optim {

/// rate(t) = initial / 2 (1 + cos(pi t / total_steps)) for step t, and 0 from total_steps on (Loshchilov and Hutter
/// 2017, without restarts). The optimizer must outlive it.
class CosineDecay {
 public:
  /// Throws ConfigError unless total_steps >= 1.
  CosineDecay(Optimizer& optimizer, std::int64_t total_steps);
  /// After each step of the optimizer.
  void step();

  std::map<std::string, Tensor> state() const;                  ///< "step" [1]
  void load_state(const std::map<std::string, Tensor>& state);  ///< throws CheckpointError

 private:
  void apply();
  Optimizer& optimizer_;
  double initial_;
  std::int64_t total_steps_;
  std::int64_t steps_ = 0;
};

struct HalveOnPlateauOptions {
  std::int64_t patience = 10;    ///< updates without a new best before the rate is halved, and between halvings
  bool higher_is_better = true;  ///< accuracies; false for losses
};

/// Halves the learning rate whenever the score has had no new best for `patience` updates. The optimizer must outlive
/// it.
class HalveOnPlateau {
 public:
  /// Throws ConfigError unless patience >= 1.
  explicit HalveOnPlateau(Optimizer& optimizer, const HalveOnPlateauOptions& options = {});
  /// After each epoch; whether the rate was halved. NaN is never a best. Scores are compared as floats.
  bool update(double score);

  std::map<std::string, Tensor> state() const;  ///< "best", "waited" and "halvings", each [1]; no "best" before one
  void load_state(const std::map<std::string, Tensor>& state);  ///< throws CheckpointError

 private:
  void apply();
  Optimizer& optimizer_;
  HalveOnPlateauOptions options_;
  double initial_;
  float best_ = std::numeric_limits<float>::quiet_NaN();  // NaN: none yet
  std::int64_t waited_ = 0;
  std::int64_t halvings_ = 0;
};

}  // namespace canopy::optim
