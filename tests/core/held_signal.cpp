#include <canopy/core/held_signal.hpp>

#include <cerrno>
#include <ctime>

#include <unistd.h>
#include <boost/test/unit_test.hpp>

using canopy::HeldSignal;

BOOST_AUTO_TEST_SUITE(held_signal)

namespace {

bool is_waiting(int signal) {
  sigset_t waiting;
  ::sigpending(&waiting);
  return ::sigismember(&waiting, signal) == 1;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_broken_pipe_is_an_error_and_no_end) {
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  ::close(ends[0]);
  ssize_t written = 0;
  {
    const HeldSignal guard(SIGPIPE);
    written = ::write(ends[1], "x", 1);
  }
  BOOST_TEST(errno == EPIPE);
  BOOST_TEST(written == -1);
  BOOST_TEST(!is_waiting(SIGPIPE));
  ::close(ends[1]);
}

BOOST_AUTO_TEST_CASE(a_signal_that_waited_before_still_waits) {
  sigset_t broken_pipe, before;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  ::raise(SIGPIPE);
  { const HeldSignal guard(SIGPIPE); }
  BOOST_TEST(is_waiting(SIGPIPE));
  const timespec no_time = {};
  ::sigtimedwait(&broken_pipe, nullptr, &no_time);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
