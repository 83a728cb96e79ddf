#include <canopy/experiments/harness/timer.hpp>

#include <algorithm>
#include <cstddef>

namespace canopy::benchmark {
namespace {

/// Of `calls` calls.
Sample measure(const Candidate& candidate, int calls) {
  const Stopwatch watch;
  for (int call = 0; call < calls; ++call) candidate.run();
  return watch.read();
}

/// Calls that take at least `shortest` milliseconds together.
int calls_for(const Candidate& candidate, double shortest) {
  int calls = 1;
  while (measure(candidate, calls).milliseconds < shortest && calls < 1 << 20) calls *= 2;
  return calls;
}

}  // namespace

double quantile(const std::vector<double>& sorted, double share) {
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Timing timing_of(const std::vector<double>& sorted) {
  return {.milliseconds = quantile(sorted, 0.5),
          .spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2,
          .repetitions = static_cast<int>(sorted.size())};
}

Timing timing_of(const std::vector<Sample>& samples, double neighbours) {
  std::vector<double> times;
  for (const Sample& sample : samples) times.push_back(sample.milliseconds);
  std::ranges::sort(times);
  Timing timing = timing_of(times);
  timing.noise =
      noise({.spread = timing.spread / timing.milliseconds, .waited = waited(samples), .neighbours = neighbours});
  return timing;
}

std::vector<Timing> time_alternately(const std::vector<Candidate>& candidates, const TimerOptions& options) {
  if (candidates.empty()) return {};
  const int repetitions = std::max(options.repetitions, 1);
  const auto tell = [&](int repetition) {
    if (options.progress) options.progress(candidates, repetition, repetitions);
  };
  tell(0);
  std::vector<int> calls;
  for (const Candidate& candidate : candidates) {
    if (options.warm_up > 0) measure(candidate, options.warm_up);
    calls.push_back(calls_for(candidate, options.shortest_milliseconds));
  }
  const Neighbours neighbours;
  std::vector<std::vector<Sample>> samples(candidates.size());
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    if (repetition > 0) tell(repetition);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Sample all = measure(candidates[i], calls[i]);
      samples[i].push_back({all.milliseconds / calls[i], all.processor / calls[i]});
    }
  }
  const double share = neighbours.share();
  std::vector<Timing> timings;
  for (const std::vector<Sample>& each : samples) timings.push_back(timing_of(each, share));
  return timings;
}

}  // namespace canopy::benchmark
