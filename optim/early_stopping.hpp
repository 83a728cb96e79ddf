// Stops training when the score stops improving, and brings the best state back.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <canopy/autograd/variable.hpp>
#include <canopy/optim/state.hpp>

namespace canopy::optim {

/// What copies its state by name and takes such a copy back, as every nn::Module does.
template <class T>
concept Stateful = requires(const T& model, T& target, const std::map<std::string, Tensor>& state) {
  { model.state_dict() } -> std::convertible_to<std::map<std::string, Tensor>>;
  target.load_state_dict(state);
};

struct EarlyStoppingOptions {
  std::int64_t patience = 10;    ///< epochs without a new best before training should stop
  bool higher_is_better = true;  ///< accuracies; false for losses
};

/// Keeps a copy of the best state of a model that goes on training:
///
///   optim::EarlyStopping stopping(model, {.patience = 5});
///   for (int epoch = 0; !stopping.should_stop(); ++epoch) {
///     ...
///     stopping.update(accuracy, epoch);
///   }
///   stopping.restore();
class EarlyStopping {
 public:
  /// Watches a model, which must outlive it: parameters and persistent buffers. Throws ConfigError unless
  /// patience >= 1.
  template <Stateful Model>
  explicit EarlyStopping(Model& model, const EarlyStoppingOptions& options = {})
      : EarlyStopping({[&model] { return Tensors(model.state_dict()); },
                       [&model](const Tensors& best) { model.load_state_dict(best); }},
                      options) {}
  /// Watches the values of these parameters, under their numbers.
  explicit EarlyStopping(std::vector<Variable> parameters, const EarlyStoppingOptions& options = {});

  /// Whether the score is a new best, whose state is then copied. NaN is never a best. Scores are compared as floats.
  bool update(double score, std::int64_t epoch);
  /// Whether the last update came `patience` epochs or more after the best (or the start).
  bool should_stop() const { return last_epoch_ - best_epoch_ >= options_.patience; }

  /// NaN before the first best.
  double best_score() const { return best_score_; }
  /// -1 before the first best.
  std::int64_t best_epoch() const { return best_epoch_; }

  /// Writes the best state into what is watched. Throws ConfigError if there is none.
  void restore();

  /// Copies for a checkpoint: the count "last_epoch" and, once there is a best, the count "best_epoch" and the tensors
  /// "best_score" and "best.<name>". Epochs are stored from 1, 0 means none.
  State state() const;
  /// Throws CheckpointError, and changes nothing, if an entry is missing, unknown or of another shape.
  void load_state(const State& state);

 private:
  using Tensors = std::map<std::string, Tensor>;
  struct Watched {
    std::function<Tensors()> copy;
    std::function<void(const Tensors&)> write;
  };
  EarlyStopping(Watched watched, const EarlyStoppingOptions& options);

  Watched watched_;
  EarlyStoppingOptions options_;
  Tensors best_;
  float best_score_ = std::numeric_limits<float>::quiet_NaN();
  std::int64_t best_epoch_ = -1;
  std::int64_t last_epoch_ = -1;
};

}  // namespace canopy::optim
