// Whether a measured time says something of what was measured, or of what else the machine did meanwhile.
#pragma once

#include <string>
#include <vector>

namespace canopy::benchmark {

/// What is more than this share off is noisy.
inline constexpr double noisy_above = 0.1;

/// How long something took.
struct Sample {
  double milliseconds = 0;  ///< by the clock
  double processor = 0;     ///< milliseconds of processors, those of all threads of this process together
};

/// Starts when it is made.
class Stopwatch {
 public:
  Stopwatch();
  Sample read() const;

 private:
  double begin_, processor_;
};

/// What others do on the machine while this lives, by /proc/stat.
class Neighbours {
 public:
  Neighbours();
  /// The share of the machine's processors that they kept busy since then, 0 to 1; 0 where the system does not tell,
  /// and in times too short for its counters, which tick a hundred times a second.
  double share() const;

 private:
  double busy_, all_, processor_;  // seconds
};

/// The share of its time that a process waited for a processor, in the median sample: the clock ran on, and fewer
/// processors worked than in its busiest samples, or than one.
double waited(const std::vector<Sample>& samples);

/// What is known of how a time was measured, as shares.
struct Circumstances {
  double spread = 0;      ///< half the distance between the quartiles of the repetitions, of their median
  double waited = 0;      ///< of the time, see above
  double neighbours = 0;  ///< of the machine, see Neighbours
};
/// Why such a time is noisy: which of these are over 10 %; empty for one that is not.
std::string noise(const Circumstances& circumstances);

/// Of a comparison: its own noise and that of its baseline, of several the first.
std::string noise_of_both(const std::string& own, const std::string& baseline);

}  // namespace canopy::benchmark
