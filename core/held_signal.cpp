#include <canopy/core/held_signal.hpp>

#include <cerrno>
#include <ctime>

#include <pthread.h>

namespace canopy {

HeldSignal::HeldSignal(int signal) noexcept {
  sigset_t waiting;
  ::sigpending(&waiting);
  waited_before_ = ::sigismember(&waiting, signal) == 1;
  ::sigemptyset(&signal_);
  ::sigaddset(&signal_, signal);
  ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
}

HeldSignal::~HeldSignal() {
  const int error = errno;  // of the call that failed
  if (!waited_before_) {
    const timespec no_time = {};
    while (::sigtimedwait(&signal_, nullptr, &no_time) > 0 || errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  errno = error;
}

}  // namespace canopy
