#include <canopy/experiments/training/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include <canopy/canopy.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/core/file.hpp>

#include <fmt/format.h>

namespace canopy::training {
namespace {

void require(bool valid, const char* option, double value, const char* expected) {
  if (!valid) throw ConfigError(fmt::format("Trainer: {} must be {}, not {}", option, expected, value));
}

void check(const TrainerOptions& options) {
  require(options.epochs >= 0, "epochs", static_cast<double>(options.epochs), "at least 0");
  require(options.steps >= 0, "steps", static_cast<double>(options.steps), "at least 0");
  require(options.batches >= 0, "batches", static_cast<double>(options.batches), "at least 0");
  require(options.seconds >= 0, "seconds", options.seconds, "at least 0");
  require(options.accumulate >= 1, "accumulate", static_cast<double>(options.accumulate), "at least 1");
  require(options.ramp >= 0, "ramp", static_cast<double>(options.ramp), "at least 0");
  require(options.clip_norm >= 0, "clip_norm", options.clip_norm, "at least 0");
  require(options.evaluate_every >= 0, "evaluate_every", static_cast<double>(options.evaluate_every), "at least 0");
  require(options.patience >= 0, "patience", static_cast<double>(options.patience), "at least 0");
  if (options.epochs == 0 && options.steps == 0 && options.batches == 0 && options.seconds == 0) {
    throw ConfigError("Trainer: one of epochs, steps, batches and seconds must limit the training");
  }
}

double share(double done, double of) { return of > 0 ? std::min(done / of, 1.) : 0; }

}  // namespace

Trainer::Trainer(Task& task, std::unique_ptr<optim::Optimizer> optimizer, optim::Schedule rate, TrainerOptions options,
                 std::unique_ptr<RateFeedback> feedback)
    : task_(task),
      optimizer_(std::move(optimizer)),
      rate_(std::move(rate)),
      options_(std::move(options)),
      feedback_(std::move(feedback)),
      parameters_(task.model().parameters()) {
  check(options_);
  if (task.batches() < 1) throw ConfigError("Trainer: the training data have no batches");
  if (!options_.select.empty()) best_[options_.select];
  for (const WatchedScore& watched : options_.watch) best_[watched.name];
  const auto left = [&] { return !options_.checkpoint.empty() && file_exists(options_.checkpoint); };
  if (failing_as<CheckpointError>(options_.checkpoint, left)) resume();
}

double Trainer::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - begin_).count();
}

double Trainer::fraction(double passes) const {
  return std::max({share(passes, static_cast<double>(options_.epochs)),
                   share(static_cast<double>(step_), static_cast<double>(options_.steps)),
                   share(static_cast<double>(batches_done()), static_cast<double>(options_.batches)),
                   options_.seconds > 0 ? share(seconds(), options_.seconds) : 0});
}

Progress Trainer::progress() const {
  const auto passes = static_cast<double>(epoch_);
  const auto batches = static_cast<double>(task_.batches());
  return {.now = fraction(passes + share(static_cast<double>(batch_), batches)),
          .pass = fraction_at_pass_,
          .batches = batches_done()};
}

std::int64_t Trainer::batches_done() const { return epoch_ * task_.batches() + batch_; }

// Of the step that begins here. Growing as crammedBERT's, by the share of the ramp that is done:
// min(floor(share * accumulate) + 1, accumulate).
std::int64_t Trainer::batches_of_step() const {
  std::int64_t count = options_.accumulate;
  if (const std::int64_t done = batches_done(); done < options_.ramp) {
    const double grown = static_cast<double>(done) / static_cast<double>(options_.ramp) * static_cast<double>(count);
    count = std::min(static_cast<std::int64_t>(grown) + 1, count);
  }
  if (options_.batches > 0) count = std::min(count, options_.batches - batches_done());
  return std::min(count, task_.batches() - batch_);
}

const BestScore& Trainer::best(const std::string& score) const {
  const auto found = best_.find(score);
  if (found == best_.end()) throw ConfigError(fmt::format("Trainer: the score '{}' is not watched", score));
  return found->second;
}

bool Trainer::finished() const {
  if (options_.epochs > 0 && epoch_ >= options_.epochs) return true;
  if (options_.steps > 0 && step_ >= options_.steps) return true;
  if (options_.batches > 0 && batches_done() >= options_.batches) return true;
  if (options_.seconds > 0 && seconds() >= options_.seconds) return true;
  if (options_.patience == 0) return false;
  std::int64_t last = -1;
  for (const auto& [name, best] : best_) last = std::max(last, best.evaluation);
  return evaluations_ - last > options_.patience;
}

Ending Trainer::run() {
  while (!ending_ && !finished()) {
    if (batch_ == 0) {
      order_at_pass_ = random_stream("order").position();
      fraction_at_pass_ = fraction(static_cast<double>(epoch_));
      task_.start_epoch(*this);
    }
    if (const std::int64_t skip = batch_; skip < task_.batches()) {
      task_.model().train();
      task_.run_epoch(skip, [this](const Task::Loss& loss) { return take_batch(loss); });
      if (batch_ == skip && !ending_ && !finished()) throw Error("Trainer: the task gives no batch of those it has");
    }
    if (ending_ || batch_ < task_.batches()) continue;
    batch_ = 0;
    ++epoch_;
    if (options_.evaluate_every == 0) evaluate();
  }
  if (!ending_ && losses_ > 0) evaluate();
  if (ending_ != Ending::interrupted) save();
  return ending_.value_or(Ending::finished);
}

// False ends the pass: the training is over, or is to stop here.
bool Trainer::take_batch(const Task::Loss& loss) {
  // Every batch of a step counts the same, also of the last step of a pass, which may have fewer.
  if (step_batches_ == 0) {
    step_begin_ = batch_;
    step_batches_ = batches_of_step();
  }
  task_.set_progress(progress());
  {
    Tape tape;
    const Variable value = loss();
    if (!std::isfinite(value.value().item())) {
      ending_ = Ending::diverged;
      return false;
    }
    loss_ += value.value().item();
    ++losses_;
    tape.backward(step_batches_ == 1 ? value : value / static_cast<float>(step_batches_));
  }
  if (++batch_ < step_begin_ + step_batches_) return true;
  take_step();
  if (evaluation_is_due()) {
    evaluate();
    task_.model().train();
  }
  const bool pass_ends = batch_ == task_.batches();
  if (!pass_ends && !ending_ && options_.stop_requested && options_.stop_requested()) {
    save();
    ending_ = Ending::interrupted;
  }
  return !ending_ && (pass_ends || !finished());
}

void Trainer::take_step() {
  if (options_.clip_norm > 0) optim::clip_grad_norm(parameters_, options_.clip_norm);
  const std::int64_t now = options_.batches > 0 ? batches_done() - step_batches_ : step_;
  optimizer_->set_learning_rate(rate_(now) * (feedback_ ? feedback_->factor() : 1));
  optimizer_->step();
  optimizer_->zero_grad();
  ++step_;
  step_batches_ = 0;
}

bool Trainer::evaluation_is_due() const {
  const std::int64_t every = options_.evaluate_every;
  if (every == 0) return false;
  return options_.batches > 0 ? batches_done() >= (evaluations_ + 1) * every : step_ % every == 0;
}

bool Trainer::improve(const WatchedScore& score, double value) {
  BestScore& best = best_.at(score.name);
  const bool better = best.evaluation < 0      ? !std::isnan(value)
                      : score.higher_is_better ? value > best.value
                                               : value < best.value;
  if (better) best = {value, evaluations_};
  return better;
}

void Trainer::evaluate() {
  nn::Module& model = task_.model();
  model.eval();
  std::vector<Score> scores = task_.evaluate();
  const auto value_of = [&](const std::string& name) {
    const auto found = std::ranges::find(scores, name, &Score::first);
    if (found == scores.end()) throw ConfigError(fmt::format("Trainer: the task has no score '{}'", name));
    return found->second;
  };
  for (const WatchedScore& watched : options_.watch) improve(watched, value_of(watched.name));
  const std::string& select = options_.select;
  const bool improved = select.empty() || improve({select, options_.higher_is_better}, value_of(select));
  if (improved) {
    best_model_ = task_.export_model();
    if (options_.keep_best) best_as_trained_ = model.state_dict();
    task_.selected();
  }
  if (feedback_ && feedback_->update(scores, select.empty() ? 0 : best_.at(select).value, improved)) {
    optimizer_->load_state({});
  }
  scores.insert(scores.begin(), {"loss", loss_ / static_cast<double>(std::max<std::int64_t>(losses_, 1))});
  loss_ = 0;
  losses_ = 0;
  if (options_.report) {
    const Progress now = progress();
    options_.report({evaluations_, epoch_, step_, now.now, task_.amounts(now.batches), std::move(scores)});
  }
  ++evaluations_;
  const bool stop = !finished() && options_.stop_requested && options_.stop_requested();
  if (stop || saving_is_due()) save();
  if (stop) ending_ = Ending::interrupted;
}

void Trainer::restart_from_best() {
  if (!options_.keep_best) throw ConfigError("Trainer: restart_from_best needs keep_best");
  task_.model().load_state_dict(best_as_trained_);
  optimizer_->load_state({});
  if (feedback_) feedback_->restart();
  best_[options_.select] = {};
}

// At most a tenth of the time goes into saving.
bool Trainer::saving_is_due() const { return Clock::now() - saved_ >= 9 * saving_; }

void Trainer::save() {
  if (options_.checkpoint.empty()) return;
  const auto begin = Clock::now();
  TrainingCheckpoint checkpoint{.selected = best_model_};
  checkpoint.parts["model"] = {.tensors = task_.model().state_dict()};
  checkpoint.parts["optimizer"] = optimizer_->state();
  if (feedback_) checkpoint.parts["rate"] = feedback_->state();
  if (options_.keep_best) checkpoint.parts["best"] = {.tensors = best_as_trained_};
  checkpoint.counters = {{"epoch", epoch_},   {"step", step_},
                         {"batch", batch_},   {"evaluations", evaluations_},
                         {"losses", losses_}, {"order", static_cast<std::int64_t>(order_at_pass_)}};
  checkpoint.numbers = {{"loss", loss_}, {"pass", fraction_at_pass_}};
  if (options_.seconds > 0) checkpoint.numbers["seconds"] = seconds();
  for (const auto& [score, best] : best_) {
    checkpoint.numbers["best " + score] = best.value;
    checkpoint.counters["best " + score] = best.evaluation;
  }
  for (const auto& [name, value] : task_.state()) checkpoint.numbers["task " + name] = value;
  write_training_checkpoint(options_.checkpoint, checkpoint);
  saved_ = Clock::now();
  saving_ = saved_ - begin;
}

void Trainer::resume() {
  TrainingCheckpoint checkpoint = read_training_checkpoint(options_.checkpoint);
  const auto find = [&](auto& values, const std::string& name) -> auto& {
    const auto found = values.find(name);
    if (found != values.end()) return found->second;
    throw CheckpointError(
        fmt::format("{}: not the checkpoint of this training: '{}' is missing", options_.checkpoint.string(), name));
  };
  task_.model().load_state_dict(find(checkpoint.parts, "model").tensors);
  optimizer_->load_state(find(checkpoint.parts, "optimizer"));
  if (feedback_) feedback_->load_state(find(checkpoint.parts, "rate"));
  if (options_.keep_best) best_as_trained_ = std::move(find(checkpoint.parts, "best").tensors);
  best_model_ = std::move(checkpoint.selected);
  epoch_ = find(checkpoint.counters, "epoch");
  step_ = find(checkpoint.counters, "step");
  batch_ = find(checkpoint.counters, "batch");
  evaluations_ = find(checkpoint.counters, "evaluations");
  losses_ = find(checkpoint.counters, "losses");
  loss_ = find(checkpoint.numbers, "loss");
  fraction_at_pass_ = find(checkpoint.numbers, "pass");
  if (options_.seconds > 0) seconds_before_ = find(checkpoint.numbers, "seconds");
  for (auto& [score, best] : best_) {
    best = {find(checkpoint.numbers, "best " + score), find(checkpoint.counters, "best " + score)};
  }
  constexpr std::string_view prefix = "task ";
  std::map<std::string, double> state;
  for (const auto& [name, value] : checkpoint.numbers) {
    if (name.starts_with(prefix)) state[name.substr(prefix.size())] = value;
  }
  task_.load_state(state);
  order_at_pass_ = static_cast<std::uint64_t>(find(checkpoint.counters, "order"));
  // In the middle of a pass its order is drawn once more.
  if (batch_ > 0 && batch_ < task_.batches()) random_stream("order").seek(order_at_pass_);
}

}  // namespace canopy::training
