// The training loop: steps, evaluations, the best and the last checkpoint, an exact resume. It knows nothing of what is
// trained, nor of grids and reports.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <canopy/experiments/training/rate_feedback.hpp>
#include <canopy/experiments/training/task.hpp>
#include <canopy/optim/optimizer.hpp>
#include <canopy/optim/schedule.hpp>

namespace canopy::training {

/// What a training says after each evaluation.
struct EvaluationRow {
  std::int64_t number = 0;    ///< of the evaluation, from 0
  std::int64_t epoch = 0;     ///< passes finished
  std::int64_t step = 0;      ///< steps of the optimizer taken
  double fraction = 0;        ///< of the plan that is done, 0 to 1
  Amounts seen;               ///< what was trained on so far
  std::vector<Score> scores;  ///< "loss", the mean of the batches since the last evaluation, then the task's
};

struct TrainerOptions {
  // The training ends at the first of these limits; 0: no limit. One is needed.
  std::int64_t epochs = 0;
  std::int64_t steps = 0;
  std::int64_t batches = 0;  ///< schedule and evaluations then go by batches as well, not by steps
  double seconds = 0;        ///< a training that ends by the clock is not the same twice

  std::int64_t accumulate = 1;      ///< batches whose mean gradient makes a step; the last of a pass may be fewer
  std::int64_t ramp = 0;            ///< batches in which steps grow, from one of a single batch on
  double clip_norm = 0;             ///< of all gradients together; 0: they are not clipped
  std::int64_t evaluate_every = 0;  ///< steps, or batches; 0: after each pass

  std::string select = {};                ///< the score that the best model is chosen by; empty: the last is the best
  bool higher_is_better = true;           ///< of that score
  std::vector<WatchedScore> watch = {};   ///< other scores whose best is kept
  std::int64_t patience = 0;              ///< ends when none of these has improved for so many evaluations; 0: never
  bool keep_best = false;                 ///< also as trained, for `restart_from_best`
  std::filesystem::path checkpoint = {};  ///< written from time to time, continued from if it exists; empty: none
  std::function<void(const EvaluationRow&)> report = {};  ///< comes before the checkpoint that counts this evaluation
  std::function<bool()> stop_requested = {};              ///< asked after each step
};

/// The best value of a score and the evaluation that gave it, from 0; -1 where none did.
struct BestScore {
  double value = 0;
  std::int64_t evaluation = -1;
};

enum class Ending {
  finished,
  diverged,    ///< a loss was not finite: the training stopped there
  interrupted  ///< stop_requested: the state is saved
};

/// Trains until a limit. The same options, seed and data give the same bits, in one process or interrupted and resumed.
class Trainer {
 public:
  /// `rate` is the schedule; `feedback`, which may be null, multiplies it by what evaluations taught. Continues from
  /// the checkpoint if there is one, random streams included. Throws ConfigError for options that make no sense,
  /// CheckpointError for a checkpoint of something else.
  Trainer(Task& task, std::unique_ptr<optim::Optimizer> optimizer, optim::Schedule rate, TrainerOptions options,
          std::unique_ptr<RateFeedback> feedback = nullptr);

  /// To the end; the checkpoint then holds the best model and the state at the end. Throws ConfigError if the task has
  /// no score of a watched name.
  Ending run();

  std::int64_t epoch() const { return epoch_; }              ///< passes finished
  std::int64_t step() const { return step_; }                ///< steps taken
  std::int64_t evaluations() const { return evaluations_; }  ///< made
  const TrainerOptions& options() const { return options_; }
  /// By the limit that comes first.
  Progress progress() const;
  /// Of `select` or of a watched score. Throws ConfigError for another name.
  const BestScore& best(const std::string& score) const;
  /// The best model as the task exported it; empty before the first.
  const Safetensors& best_model() const { return best_model_; }

  /// For tasks that train in phases: goes on from the best model so far, with an optimizer as if it had never stepped;
  /// from here on the best is looked for anew. Throws ConfigError without `keep_best`.
  void restart_from_best();

 private:
  bool finished() const;
  double fraction(double passes) const;
  std::int64_t batches_done() const;
  std::int64_t batches_of_step() const;
  bool take_batch(const Task::Loss& loss);
  void take_step();
  bool evaluation_is_due() const;
  void evaluate();
  bool improve(const WatchedScore& score, double value);
  bool saving_is_due() const;
  void save();
  void resume();
  double seconds() const;

  using Clock = std::chrono::steady_clock;

  Task& task_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  optim::Schedule rate_;
  TrainerOptions options_;
  std::unique_ptr<RateFeedback> feedback_;
  std::vector<Variable> parameters_;

  std::int64_t epoch_ = 0, step_ = 0, evaluations_ = 0;
  std::int64_t batch_ = 0;         // of this pass that are done
  std::int64_t step_begin_ = 0;    // of them before this step
  std::int64_t step_batches_ = 0;  // of this step; 0 between steps
  double fraction_at_pass_ = 0;
  double loss_ = 0;  // summed since the last evaluation
  std::int64_t losses_ = 0;
  std::map<std::string, BestScore> best_;
  Safetensors best_model_;
  nn::StateDict best_as_trained_;
  std::uint64_t order_at_pass_ = 0;  // where the stream "order" stood when this pass began
  std::optional<Ending> ending_;

  double seconds_before_ = 0;  // in earlier processes
  Clock::time_point begin_ = Clock::now(), saved_ = {};
  Clock::duration saving_ = {};
};

}  // namespace canopy::training
