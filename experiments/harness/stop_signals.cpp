#include <canopy/experiments/harness/stop_signals.hpp>

#include <ctime>

#include <poll.h>

namespace canopy::harness {
namespace {

volatile sig_atomic_t received = 0;

}  // namespace

StopSignals::StopSignals() {
  received = 0;
  struct sigaction action = {};
  action.sa_handler = [](int) { received = received + 1; };
  ::sigaction(SIGINT, &action, &interrupt_before_);
  ::sigaction(SIGTERM, &action, &terminate_before_);
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &both, &before_);
}

StopSignals::~StopSignals() {
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  ::sigaction(SIGINT, &interrupt_before_, nullptr);
  ::sigaction(SIGTERM, &terminate_before_, nullptr);
}

int StopSignals::count() const {
  const timespec no_time = {};
  ::ppoll(nullptr, 0, &no_time, &before_);  // lets those in that were held back
  return received;
}

}  // namespace canopy::harness
