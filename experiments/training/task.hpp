// What a Trainer trains: a model with its data, its loss and its scores.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <canopy/autograd/variable.hpp>
#include <canopy/core/safetensors.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::training {

class Trainer;

/// A number of an evaluation by name, such as {"validation_accuracy", 95.2}.
using Score = std::pair<std::string, double>;

/// A score that decides something, by its name.
struct WatchedScore {
  std::string name;
  bool higher_is_better = true;
};

/// How much of the planned training is done, from 0 to 1.
struct Progress {
  double now = 0;
  double pass = 0;           ///< at the beginning of this pass
  std::int64_t batches = 0;  ///< seen in all
};

/// Numbers of things by what they are, in the plural, such as {"samples", 45000} or {"tokens", 4096}.
using Amounts = std::vector<std::pair<std::string, std::int64_t>>;

/// Derive from it and hand it to a Trainer, which owns everything else: steps, gradients, evaluations, checkpoints.
class Task {
 public:
  virtual ~Task() = default;

  virtual nn::Module& model() = 0;
  /// Batches of a pass over the training data.
  virtual std::int64_t batches() const = 0;

  /// Computes the loss of one batch, one number, on the tape that is live.
  using Loss = std::function<Variable()>;
  /// Takes a batch; false ends the pass.
  using Step = std::function<bool(const Loss&)>;
  /// One pass over the training data without its first `skip` batches: calls `step` with the loss of each. Whatever is
  /// random comes from named streams (core/random.hpp): the order of a pass from "order", once at its beginning.
  virtual void run_epoch(std::int64_t skip, const Step& step) = 0;

  /// The scores of the model as it stands, in evaluation mode; always the same names in the same order.
  virtual std::vector<Score> evaluate() = 0;

  /// What the first so many batches of a training hold, for its speed.
  virtual Amounts amounts(std::int64_t) const { return {}; }

  /// Before each pass.
  virtual void start_epoch(Trainer&) {}
  /// Before each batch: what changes in the course of a training, such as routing.
  virtual void set_progress(const Progress&) {}
  /// The evaluation just made is the best so far.
  virtual void selected() {}
  /// The model as the checkpoint is to hold it for others to use.
  virtual Safetensors export_model() { return {.tensors = model().state_dict()}; }
  /// What the task itself must remember where a training is interrupted; finite numbers.
  virtual std::map<std::string, double> state() const { return {}; }
  virtual void load_state(const std::map<std::string, double>&) {}
};

}  // namespace canopy::training
