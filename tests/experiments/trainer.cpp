#include <canopy/experiments/training/trainer.hpp>

#include <cmath>
#include <limits>

#include <canopy/canopy.hpp>

#include <boost/test/unit_test.hpp>

#include "support/errors.hpp"
#include "support/same_bits.hpp"
#include "support/temporary_folder.hpp"

using namespace canopy;
using namespace canopy::training;
using test::same_bits;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(trainer)

namespace {

constexpr std::int64_t samples = 22, batch_size = 4;  // the last of the 6 batches has 2

// A linear map with dropout before it, learnt from shuffled batches: whatever is random must continue where it was.
class Line : public Task {
 public:
  explicit Line(float dropout = 0.25f) {
    manual_seed(7);
    model_.add<nn::Dropout>(nn::DropoutOptions{.probability = dropout});
    model_.add<nn::Linear>(nn::LinearOptions{.inputs = 3, .outputs = 1});
    inputs_ = Tensor({samples, 3});
    RandomStream(1, "x").fill_normal(inputs_.mutable_elements(), 0.f, 1.f);
    targets_ = Tensor({samples, 1});
    for (std::int64_t i = 0; i < samples; ++i) {
      targets_.mutable_data()[i] = 2 * inputs_.data()[3 * i] - inputs_.data()[3 * i + 1];
    }
  }

  nn::Module& model() override { return model_; }
  std::int64_t batches() const override { return (samples + batch_size - 1) / batch_size; }

  void run_epoch(std::int64_t skip, const Step& step) override {
    const std::vector<std::int64_t> order = datasets::permutation(samples, random_stream("order"));
    for (std::int64_t b = skip; b < batches(); ++b) {
      const std::int64_t count = std::min(batch_size, samples - b * batch_size);
      Tensor x({count, 3}), y({count, 1});
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t row = order[static_cast<std::size_t>(b * batch_size + i)];
        std::copy_n(inputs_.data() + 3 * row, 3, x.mutable_data() + 3 * i);
        y.mutable_data()[i] = targets_.data()[row];
      }
      seen.push_back(x);
      const auto loss = [&] { return mean_squared_error(model_(x), y) * factor; };
      if (!step(loss)) return;
    }
  }

  std::vector<Score> evaluate() override {
    BOOST_TEST(!model_.is_training());
    const NoRecord pause;
    const double error = mean_squared_error(model_(inputs_), targets_).value().item();
    return {{"error", error}, {"wave", std::sin(static_cast<double>(evaluated++))}};
  }

  void start_epoch(Trainer&) override { ++passes; }
  void set_progress(const Progress& progress) override { progresses.push_back(progress); }
  void selected() override { chosen = evaluated; }
  std::map<std::string, double> state() const override { return {{"evaluated", static_cast<double>(evaluated)}}; }
  void load_state(const std::map<std::string, double>& state) override {
    evaluated = static_cast<int>(state.at("evaluated"));
  }

  nn::Sequential model_;
  Tensor inputs_, targets_;
  float factor = 1;
  int evaluated = 0, chosen = 0, passes = 0;
  std::vector<Tensor> seen;
  std::vector<Progress> progresses;
};

std::unique_ptr<optim::Optimizer> adam(Task& task) {
  return std::make_unique<optim::Adam>(task.model().parameters(), optim::AdamOptions{.learning_rate = 0.05});
}

Trainer make(Task& task, TrainerOptions options) {
  return Trainer(task, adam(task), optim::cosine({.rate = 0.05, .steps = 40}), std::move(options));
}

struct Outcome {
  nn::StateDict state;
  std::vector<EvaluationRow> rows;
  Ending ending = Ending::finished;
};

bool same(const Outcome& a, const Outcome& b) {
  for (const auto& [name, value] : a.state) {
    if (!same_bits(value, b.state.at(name))) return false;
  }
  if (a.rows.size() != b.rows.size()) return false;
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    if (a.rows[i].scores != b.rows[i].scores || a.rows[i].step != b.rows[i].step) return false;
  }
  return true;
}

// Trains to the end, stopped and continued whenever so many steps have been taken.
Outcome train(TrainerOptions options, std::int64_t stop_every, const TemporaryFolder& folder) {
  Outcome outcome;
  options.checkpoint = folder / "checkpoint.safetensors";
  std::filesystem::remove(options.checkpoint);
  options.report = [&](const EvaluationRow& row) {
    // A row that an interrupted process reported after its last checkpoint comes again.
    outcome.rows.resize(std::min<std::size_t>(outcome.rows.size(), static_cast<std::size_t>(row.number)));
    outcome.rows.push_back(row);
  };
  do {
    Line task;
    std::int64_t asked = 0;
    options.stop_requested = [&] { return stop_every > 0 && ++asked >= stop_every; };
    Trainer trainer = make(task, options);
    outcome.ending = trainer.run();
    outcome.state = task.model().state_dict();
  } while (outcome.ending == Ending::interrupted);
  return outcome;
}

}  // namespace

BOOST_AUTO_TEST_CASE(learns_and_evaluates_after_each_pass) {
  Line task(0.f);
  std::vector<EvaluationRow> rows;
  Trainer trainer(task, adam(task), optim::constant(0.05),
                  {.epochs = 60,
                   .select = "error",
                   .higher_is_better = false,
                   .watch = {{.name = "wave"}},
                   .report = [&](const EvaluationRow& row) { rows.push_back(row); }});
  BOOST_CHECK(trainer.run() == Ending::finished);
  BOOST_TEST(rows.size() == 60u);
  BOOST_TEST(rows.back().epoch == 60);
  BOOST_TEST(rows.back().step == 360);
  BOOST_TEST(rows.back().fraction == 1);
  BOOST_TEST(task.passes == 60);
  BOOST_CHECK(rows.front().scores.front().first == "loss");
  BOOST_TEST(rows.back().scores[1].second < 1e-3);
  double least = std::numeric_limits<double>::infinity(), largest = -2;
  for (const EvaluationRow& row : rows) {
    least = std::min(least, row.scores[1].second);
    largest = std::max(largest, row.scores[2].second);
  }
  BOOST_TEST(trainer.best("error").value == least);
  BOOST_TEST(trainer.best("wave").value == largest);
  BOOST_TEST(task.chosen == trainer.best("error").evaluation + 1);
  BOOST_CHECK_EXCEPTION(trainer.best("luck"), ConfigError, speaks_of("luck"));
  BOOST_TEST(task.progresses.front().now == 0);
  BOOST_TEST(task.progresses[6].pass == 1. / 60);
  BOOST_TEST(task.progresses[9].now == (1 + 3. / 6) / 60);
  BOOST_TEST(task.progresses[9].batches == 9);
}

// However often it is stopped, in the middle of a pass too, the bits are those of one go.
BOOST_AUTO_TEST_CASE(a_training_resumes_to_the_same_bits) {
  const TemporaryFolder folder;
  const TrainerOptions by_epochs{.epochs = 5, .select = "error", .higher_is_better = false};
  TrainerOptions by_steps = by_epochs;
  by_steps.epochs = 0;
  by_steps.steps = 23;
  by_steps.evaluate_every = 4;
  TrainerOptions accumulated = by_epochs;
  accumulated.accumulate = 4;
  accumulated.clip_norm = 0.1;
  TrainerOptions by_batches = accumulated;
  by_batches.epochs = 0;
  by_batches.batches = 29;
  by_batches.ramp = 20;
  by_batches.evaluate_every = 5;
  for (const TrainerOptions& options : {by_epochs, by_steps, accumulated, by_batches}) {
    const Outcome whole = train(options, 0, folder);
    BOOST_TEST(whole.rows.size() == (options.epochs == 0 ? 6u : 5u));
    for (const std::int64_t stop_every : {1, 2, 3, 7, 100}) {
      BOOST_TEST(same(train(options, stop_every, folder), whole), "stopped every " << stop_every);
    }
  }
}

BOOST_AUTO_TEST_CASE(steps_end_in_the_middle_of_a_pass_and_are_evaluated) {
  Line task;
  std::vector<EvaluationRow> rows;
  Trainer trainer = make(task, {.steps = 8, .report = [&](const EvaluationRow& row) { rows.push_back(row); }});
  trainer.run();
  BOOST_TEST(trainer.step() == 8);
  BOOST_TEST(trainer.epoch() == 1);
  BOOST_TEST(task.seen.size() == 8u);
  BOOST_TEST(rows.size() == 2u);
  BOOST_TEST(rows.back().fraction == 1);
}

// The mean gradient of the batches of a step: as one batch of all of them.
BOOST_AUTO_TEST_CASE(accumulated_gradients_are_the_mean) {
  Line task(0.f);
  const nn::StateDict before = task.model().state_dict();
  Trainer trainer(task,
                  std::make_unique<optim::SGD>(task.model().parameters(), optim::SGDOptions{.learning_rate = 0.1}),
                  optim::constant(0.1), {.epochs = 1, .accumulate = 4});
  trainer.run();
  BOOST_TEST(trainer.step() == 2);  // of 4 batches and of 2
  Line twin(0.f);
  optim::SGD sgd(twin.model().parameters(), {.learning_rate = 0.1});
  twin.model().load_state_dict(before);
  for (const auto& [first, last] : {std::pair{0, 4}, std::pair{4, 6}}) {
    Tape tape;
    Variable sum = Tensor::scalar(0.f);
    for (int b = first; b < last; ++b) {
      const Tensor& x = task.seen[static_cast<std::size_t>(b)];
      Tensor y({x.extent(0), 1});
      for (std::int64_t i = 0; i < y.size(); ++i) y.mutable_data()[i] = 2 * x.data()[3 * i] - x.data()[3 * i + 1];
      sum = sum + mean_squared_error(twin.model_(x), y);
    }
    tape.backward(sum / static_cast<float>(last - first));
    sgd.step();
    sgd.zero_grad();
  }
  for (const auto& [name, value] : twin.model().state_dict()) {
    const Tensor found = task.model().state_dict().at(name);
    for (std::int64_t i = 0; i < value.size(); ++i) BOOST_TEST(std::abs(value.data()[i] - found.data()[i]) < 1e-5);
  }
}

// Of 40 batches 24 in a ramp: min(floor(done / 24 * 4) + 1, 4) of them make a step, cut at the end of a pass of 6 and
// at the last batch; the rate follows the batches.
BOOST_AUTO_TEST_CASE(steps_grow_and_the_rate_follows_the_batches) {
  Line task;
  std::vector<std::int64_t> asked;
  std::vector<EvaluationRow> rows;
  const auto rate = [&](std::int64_t batches) {
    asked.push_back(batches);
    return 0.01;
  };
  Trainer trainer(
      task, adam(task), rate,
      {.batches = 40, .accumulate = 4, .ramp = 24, .evaluate_every = 10, .report = [&](const EvaluationRow& row) {
         rows.push_back(row);
       }});
  BOOST_CHECK(trainer.run() == Ending::finished);
  BOOST_TEST(asked == (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 24, 28, 30, 34, 36}));
  BOOST_TEST(trainer.step() == 18);
  BOOST_TEST(task.seen.size() == 40u);
  BOOST_TEST(task.progresses.back().now == 39. / 40);
  // At the first steps that reach 10, 20, 30 and 40 batches.
  std::vector<std::int64_t> steps;
  for (const EvaluationRow& row : rows) steps.push_back(row.step);
  BOOST_TEST(steps == (std::vector<std::int64_t>{8, 12, 15, 18}));
}

BOOST_AUTO_TEST_CASE(patience_ends_a_training_that_stands_still) {
  Line task;
  Trainer trainer(task, adam(task), optim::constant(1e-12), {.epochs = 100, .select = "wave", .patience = 3});
  trainer.run();
  // sin(0), sin(1), sin(2) rise; then 3, 4, 5, 6 do not reach it again.
  BOOST_TEST(trainer.best("wave").evaluation == 2);
  BOOST_TEST(trainer.evaluations() == 6);
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_ends_the_training) {
  Line task;
  task.factor = std::numeric_limits<float>::infinity();
  Trainer trainer = make(task, {.epochs = 3});
  BOOST_CHECK(trainer.run() == Ending::diverged);
  BOOST_TEST(trainer.step() == 0);
  BOOST_TEST(trainer.evaluations() == 0);
}

BOOST_AUTO_TEST_CASE(goes_on_from_the_best_model_on_request) {
  class Phases : public Line {
   public:
    void start_epoch(Trainer& trainer) override {
      if (trainer.epoch() != 3) return;
      trainer.restart_from_best();
      BOOST_TEST(trainer.best("wave").evaluation == -1);
      after = model().state_dict();
    }
    void selected() override {
      if (evaluated <= 3) best = model().state_dict();
    }
    nn::StateDict best, after;
  };
  Phases task;
  make(task, {.epochs = 4, .select = "wave", .keep_best = true}).run();
  for (const auto& [name, value] : task.best) BOOST_TEST(same_bits(value, task.after.at(name)));
  Line plain;
  Trainer trainer = make(plain, {.epochs = 1});
  BOOST_CHECK_THROW(trainer.restart_from_best(), ConfigError);
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
  Line task;
  BOOST_CHECK_EXCEPTION(make(task, {}), ConfigError, speaks_of("epochs", "steps", "seconds"));
  BOOST_CHECK_EXCEPTION(make(task, {.epochs = -1}), ConfigError, speaks_of("epochs", "-1"));
  BOOST_CHECK_EXCEPTION(make(task, {.epochs = 1, .accumulate = 0}), ConfigError, speaks_of("accumulate"));
  BOOST_CHECK_EXCEPTION(make(task, {.epochs = 1, .clip_norm = -1}), ConfigError, speaks_of("clip_norm"));
  Trainer unknown = make(task, {.epochs = 1, .select = "luck"});
  BOOST_CHECK_EXCEPTION(unknown.run(), ConfigError, speaks_of("luck"));
  // The checkpoint of another training, and a file that is none.
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.safetensors";
  make(task, {.epochs = 1, .checkpoint = file}).run();
  BOOST_CHECK_EXCEPTION(make(task, {.epochs = 1, .select = "error", .checkpoint = file}), CheckpointError,
                        speaks_of("checkpoint.safetensors", "error"));
  write_file(file, "no checkpoint");
  BOOST_CHECK_THROW(make(task, {.epochs = 1, .checkpoint = file}), CheckpointError);
}

// Each evaluation of a test set of numbers that are not there is no best.
BOOST_AUTO_TEST_CASE(a_score_that_is_no_number_is_never_the_best) {
  class Blind : public Line {
   public:
    std::vector<Score> evaluate() override {
      Line::evaluate();
      return {{"error", std::nan("")}};
    }
  };
  Blind task;
  Trainer trainer = make(task, {.epochs = 2, .select = "error"});
  trainer.run();
  BOOST_TEST(trainer.best("error").evaluation == -1);
  BOOST_TEST(trainer.best_model().tensors.empty());
}

BOOST_AUTO_TEST_SUITE_END()
