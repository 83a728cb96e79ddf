// What a run shows on stderr: a bar and the running cells on a terminal, a line a finished cell elsewhere.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace canopy::harness {

class Progress {
 public:
  /// `total` jobs, `before` of them complete from an earlier process.
  Progress(std::size_t total, std::size_t before);
  ~Progress();

  void start(const std::string& job);
  void advance(const std::string& job, std::int64_t epoch, std::int64_t epochs, double score);
  /// `outcome`: "done", or why not.
  void finish(const std::string& job, const std::string& outcome);
  /// A line above the display.
  void say(const std::string& line);
  /// Redraws the display on a terminal.
  void refresh();

 private:
  struct Running {
    double fraction = 0;
    std::string text;
  };
  using Clock = std::chrono::steady_clock;

  void erase();
  std::string bar() const;
  double remaining_seconds() const;

  std::size_t total_;
  std::size_t before_;
  std::size_t finished_;
  std::map<std::string, Running> running_;
  Clock::time_point begin_ = Clock::now();
  bool terminal_;
  int lines_ = 0;  // of the display, above the cursor
};

/// "48 s", "12 min", "3.5 h"
std::string duration(double seconds);

}  // namespace canopy::harness
