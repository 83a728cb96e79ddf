// A signal that one thread holds back for a while.
#pragma once

#include <signal.h>

namespace canopy {

/// Holds a signal of this thread back, one that a failing system call would kill the process with (SIGPIPE, SIGXFSZ):
/// while this lives, the call fails with a reason instead. A signal that came meanwhile is forgotten, one that waited
/// before still waits; nobody else's handler is touched.
class HeldSignal {
 public:
  explicit HeldSignal(int signal) noexcept;
  ~HeldSignal();
  HeldSignal(const HeldSignal&) = delete;
  HeldSignal& operator=(const HeldSignal&) = delete;

 private:
  sigset_t signal_, before_;
  bool waited_before_;
};

}  // namespace canopy
