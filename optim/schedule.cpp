#include <canopy/optim/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>
#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::optim {
namespace {

void require_finite(std::string_view schedule, std::string_view option, double value) {
  if (std::isfinite(value)) return;
  throw ConfigError(fmt::format("{}: {} must be a finite number, not {}", schedule, option, value));
}

void require_at_least(std::int64_t least, std::string_view schedule, std::string_view option, std::int64_t steps) {
  if (steps >= least) return;
  throw ConfigError(fmt::format("{}: {} must be {} or more, not {}", schedule, option, least, steps));
}

void require_function(std::string_view schedule, const Schedule& part) {
  if (!part) throw ConfigError(fmt::format("{}: a schedule that it is made of holds no function", schedule));
}

double share(std::int64_t step, std::int64_t steps) { return static_cast<double>(step) / static_cast<double>(steps); }

}  // namespace

Schedule constant(double rate) {
  require_finite("constant", "rate", rate);
  return [rate](std::int64_t) { return rate; };
}

Schedule step_decay(const StepDecay& options) {
  require_finite("step_decay", "rate", options.rate);
  require_finite("step_decay", "factor", options.factor);
  require_at_least(1, "step_decay", "every", options.every);
  return [o = options](std::int64_t step) {
    const std::int64_t decays = step / o.every;
    return o.rate * std::pow(o.factor, static_cast<double>(decays));
  };
}

Schedule milestones(const Milestones& options) {
  require_finite("milestones", "rate", options.rate);
  require_finite("milestones", "factor", options.factor);
  if (!std::ranges::is_sorted(options.at)) throw ConfigError("milestones: the steps must ascend");
  return [o = options](std::int64_t step) {
    const auto passed = std::ranges::upper_bound(o.at, step) - o.at.begin();
    return o.rate * std::pow(o.factor, static_cast<double>(passed));
  };
}

Schedule linear(const Linear& options) {
  require_finite("linear", "from", options.from);
  require_finite("linear", "to", options.to);
  require_at_least(1, "linear", "steps", options.steps);
  return [o = options](std::int64_t step) {
    return step >= o.steps ? o.to : o.from + (o.to - o.from) * share(step, o.steps);
  };
}

Schedule cosine(const Cosine& options) {
  require_finite("cosine", "rate", options.rate);
  require_finite("cosine", "floor", options.floor);
  require_at_least(1, "cosine", "steps", options.steps);
  return [o = options](std::int64_t step) {
    if (step >= o.steps) return o.floor;
    return o.floor + (o.rate - o.floor) / 2 * (1 + std::cos(std::numbers::pi * share(step, o.steps)));
  };
}

Schedule triangle(const Triangle& options) {
  require_finite("triangle", "rate", options.rate);
  require_finite("triangle", "base", options.base);
  require_at_least(1, "triangle", "steps", options.steps);
  if (!(options.falloff > 0 && options.falloff <= 1)) {
    throw ConfigError(fmt::format("triangle: falloff must be above 0 and at most 1, not {}", options.falloff));
  }
  const auto rise = static_cast<std::int64_t>((1 - options.falloff) * static_cast<double>(options.steps));
  const Schedule rising =
      linear({.from = options.base * options.rate, .to = options.rate, .steps = std::max<std::int64_t>(rise, 1)});
  return join({{rise, rising}}, linear({.from = options.rate, .to = 0, .steps = options.steps - rise}));
}

Schedule join(std::vector<Segment> segments, Schedule rest) {
  require_function("join", rest);
  for (const Segment& segment : segments) {
    require_function("join", segment.schedule);
    require_at_least(0, "join", "steps", segment.steps);
  }
  return [segments = std::move(segments), rest = std::move(rest)](std::int64_t step) {
    for (const Segment& segment : segments) {
      if (step < segment.steps) return segment.schedule(step);
      step -= segment.steps;
    }
    return rest(step);
  };
}

Schedule warm_up(const WarmUp& options, Schedule then) {
  require_function("warm_up", then);
  require_finite("warm_up", "from", options.from);
  require_at_least(0, "warm_up", "steps", options.steps);
  if (options.steps == 0) return then;
  const double rate = then(0);
  return join({{options.steps, linear({.from = options.from * rate, .to = rate, .steps = options.steps})}},
              std::move(then));
}

Schedule product(Schedule a, Schedule b) {
  require_function("product", a);
  require_function("product", b);
  return [a = std::move(a), b = std::move(b)](std::int64_t step) { return a(step) * b(step); };
}

}  // namespace canopy::optim
