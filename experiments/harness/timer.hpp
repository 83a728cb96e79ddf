// Times candidates against each other: alternately, in one process, so that whatever slows the machine slows all.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <canopy/experiments/harness/noise.hpp>

namespace canopy::benchmark {

/// Something to be timed; a call is one unit of work and starts where the last one ended.
struct Candidate {
  std::string name;
  std::function<void()> run;
};

/// Told what is timed before each repetition, counted from 0.
using TimerProgress = std::function<void(const std::vector<Candidate>& candidates, int repetition, int repetitions)>;

struct TimerOptions {
  int repetitions = 15;
  int warm_up = 1;                   ///< untimed rounds
  double shortest_milliseconds = 2;  ///< quicker candidates run several times for one sample
  TimerProgress progress = {};
};

/// Times of one call.
struct Timing {
  double milliseconds = 0;  ///< median over the repetitions
  double spread = 0;        ///< half the distance between the quartiles, in milliseconds
  int repetitions = 0;
  std::string noise = {};  ///< why it is noisy (noise.hpp); empty: it is not
};

/// Between the two nearest of the values, which are sorted; `share` from 0 to 1.
double quantile(const std::vector<double>& sorted, double share);
/// Of the milliseconds of repetitions, sorted.
Timing timing_of(const std::vector<double>& sorted);

/// The median, its spread and its noise, where others kept this share of the machine busy.
Timing timing_of(const std::vector<Sample>& samples, double neighbours);

/// Every repetition runs each candidate once, in turn; one Timing a candidate, in their order.
std::vector<Timing> time_alternately(const std::vector<Candidate>& candidates, const TimerOptions& options = {});

}  // namespace canopy::benchmark
