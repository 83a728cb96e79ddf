// Stops training when the score stops improving, and brings the best state back.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy::optim {

struct EarlyStoppingOptions {
  std::int64_t patience = 10;    ///< epochs without a new best before training should stop
  bool higher_is_better = true;  ///< accuracies; false for losses
};

/// Keeps a copy of the best state: the tensors given are handles that training goes on writing to.
class EarlyStopping {
 public:
  /// Watches these tensors, such as a model's state_dict(). Throws ConfigError unless patience >= 1.
  explicit EarlyStopping(std::map<std::string, Tensor> tensors, const EarlyStoppingOptions& options = {});
  /// Watches the values of these parameters, under their numbers.
  explicit EarlyStopping(const std::vector<Variable>& parameters, const EarlyStoppingOptions& options = {});

  /// Whether the score is a new best, whose state is then copied. NaN is never a best. Scores are compared as floats.
  bool update(double score, std::int64_t epoch);
  /// Whether the last update came `patience` epochs or more after the best (or the start).
  bool should_stop() const { return last_epoch_ - best_epoch_ >= options_.patience; }

  /// NaN before the first best.
  double best_score() const { return best_score_; }
  /// -1 before the first best.
  std::int64_t best_epoch() const { return best_epoch_; }

  /// Writes the best state into the tensors. Throws ConfigError if there is none.
  void restore();

  /// Copies for a checkpoint: "last_epoch" and, once there is a best, "best_score", "best_epoch" and "best.<name>".
  std::map<std::string, Tensor> state() const;
  /// Throws CheckpointError, and changes nothing, if a tensor is missing, unknown or of another shape.
  void load_state(const std::map<std::string, Tensor>& state);

 private:
  std::map<std::string, Tensor> tensors_;
  EarlyStoppingOptions options_;
  std::map<std::string, Tensor> best_;
  float best_score_ = std::numeric_limits<float>::quiet_NaN();
  std::int64_t best_epoch_ = -1;
  std::int64_t last_epoch_ = -1;
};

}  // namespace canopy::optim
