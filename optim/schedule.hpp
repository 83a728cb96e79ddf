// Learning-rate schedules: functions of the step, which compose.
//
//   const Schedule rate = warm_up({.steps = 500}, cosine({.rate = 1e-3, .steps = 9500}));
//   ...
//   optimizer.set_learning_rate(rate(step));  // before step 0, 1, ...
//   optimizer.step();
//
// Nothing about a schedule needs saving but the step.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace canopy::optim {

/// The rate at step 0, 1, ...; or a multiplier of another schedule's (`product`). Any function of the step is one.
using Schedule = std::function<double(std::int64_t step)>;

/// All that make a schedule throw ConfigError for numbers that are not finite, for a number of steps below the one
/// stated, and for schedules that hold no function.

/// The same rate at every step.
Schedule constant(double rate);

struct StepDecay {
  double rate = 0;         ///< at step 0
  std::int64_t every = 1;  ///< steps, at least 1
  double factor = 0.1;     ///< what the rate is multiplied by each time
};
/// rate factor^floor(step / every): with `every` = 1 an exponential decay.
Schedule step_decay(const StepDecay& options);

struct Milestones {
  double rate = 0;               ///< at step 0
  std::vector<std::int64_t> at;  ///< ascending steps
  double factor = 0.1;           ///< what the rate is multiplied by at each of them
};
/// rate factor^(milestones at or before the step).
Schedule milestones(const Milestones& options);

struct Linear {
  double from = 0;         ///< at step 0
  double to = 0;           ///< at step `steps`, and ever after
  std::int64_t steps = 1;  ///< at least 1
};
Schedule linear(const Linear& options);

struct Cosine {
  double rate = 0;         ///< at step 0
  std::int64_t steps = 1;  ///< at least 1
  double floor = 0;        ///< from step `steps` on
};
/// floor + (rate - floor) / 2 (1 + cos(pi step / steps)) (Loshchilov and Hutter 2017, without restarts). It does not
/// rise again behind its end, as some libraries' does.
Schedule cosine(const Cosine& options);

struct Triangle {
  double rate = 0;         ///< the largest
  std::int64_t steps = 1;  ///< at least 1
  double base = 0.25;      ///< the share of the rate at step 0
  double falloff = 0.25;   ///< the share of the steps in which it falls, above 0 and at most 1
};
/// Linearly from base * rate to rate, then to 0 at step `steps`: crammedBERT's "budget-triangle2", which paper 2 trains
/// with.
Schedule triangle(const Triangle& options);

/// A part of a sequence of schedules.
struct Segment {
  std::int64_t steps = 0;  ///< from 0
  Schedule schedule;
};
/// One schedule after the other, each counted from its own step 0, and `rest` after all of them.
Schedule join(std::vector<Segment> segments, Schedule rest);

struct WarmUp {
  std::int64_t steps = 0;  ///< from 0: no warm-up
  double from = 0;         ///< the share of the rate at step 0
};
/// Linearly from `from` times then(0) to then(0), which is reached at step `steps` and from where `then` is counted:
/// `then` of n steps ends at step steps + n. So the schedule of Hugging Face's
/// get_cosine_schedule_with_warmup(optimizer, w, total) is warm_up({.steps = w}, cosine({rate, .steps = total - w})).
/// Where a schedule is to keep its own steps meanwhile, multiply it: product(linear({.from = 0, .to = 1, .steps = w}),
/// schedule).
Schedule warm_up(const WarmUp& options, Schedule then);

/// The product of two schedules at each step.
Schedule product(Schedule a, Schedule b);

}  // namespace canopy::optim
