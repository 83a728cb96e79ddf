// What a run shows on stderr: a bar and the running cells on a terminal, a line a finished cell elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace canopy::harness {

class Progress {
 public:
  /// `total` jobs, `before` of them complete from an earlier process; `work` is what the others take together, in any
  /// unit.
  Progress(std::size_t total, std::size_t before, double work);
  ~Progress();

  void start(const std::string& job, double work);
  /// `before` and `done` are shares of the job, 0 to 1: before and after the row that says `text`.
  void advance(const std::string& job, double before, double done, const std::string& text);
  /// What the job does, while nothing is known of how much of it that is.
  void describe(const std::string& job, const std::string& text);
  /// `outcome`: "done", or why not.
  void finish(const std::string& job, const std::string& outcome);
  /// A line above the display.
  void say(const std::string& line);
  /// Redraws the display on a terminal.
  void refresh();
  /// By the work done here so far; 0 while nothing is known.
  double remaining_seconds() const;

 private:
  struct Running {
    double work = 0;
    double fraction = 0;  // done
    double before = 0;    // of that by an earlier process
    bool advanced = false;
    std::string text = {};
  };
  using Clock = std::chrono::steady_clock;

  void erase();
  std::string total() const;

  std::size_t total_;
  std::size_t finished_;
  double work_;               // of all jobs to do
  double finished_work_ = 0;  // of the jobs that are finished
  double work_here_ = 0;      // of that by this process
  std::map<std::string, Running> running_;
  Clock::time_point begin_ = Clock::now();
  bool drawn_;               // on a terminal
  std::size_t lines_ = 0;    // of the display, above the cursor
  std::size_t columns_ = 0;  // of the terminal when it was drawn
};

/// "48 s", "12 min", "3.5 h"
std::string duration(double seconds);
/// "[######......]" for a fraction from 0 to 1 that is done.
std::string bar(double done);

}  // namespace canopy::harness
