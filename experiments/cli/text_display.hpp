// What a command that reads a corpus shows on stderr: a line on a terminal, one every ten seconds elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace canopy::cli {

class TextDisplay {
 public:
  TextDisplay();
  ~TextDisplay();
  TextDisplay(const TextDisplay&) = delete;
  TextDisplay& operator=(const TextDisplay&) = delete;

  /// So many bytes of text are read.
  void show(std::int64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;

  bool terminal_;
  bool drawn_ = false;  // a line that the next one takes the place of
  Clock::time_point begin_, shown_;
};

}  // namespace canopy::cli
