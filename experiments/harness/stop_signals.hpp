// SIGINT and SIGTERM as a count, seen only where a process looks for them.
#pragma once

#include <signal.h>

namespace canopy::harness {

/// Holds both signals back for its lifetime, but for the wait in `ppoll` with `mask_while_waiting()`.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// How many came.
  int count() const;
  const sigset_t& mask_while_waiting() const { return before_; }

 private:
  sigset_t before_;
  struct sigaction interrupt_before_;
  struct sigaction terminate_before_;
};

}  // namespace canopy::harness
