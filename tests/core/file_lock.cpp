#include <canopy/core/file_lock.hpp>

#include <optional>

#include <canopy/core/error.hpp>

#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(file_lock)

BOOST_AUTO_TEST_CASE(one_at_a_time) {
  const TemporaryFolder folder;
  std::optional<FileLock> first;
  first.emplace(folder / "lock");
  BOOST_CHECK_EXCEPTION(FileLock(folder / "lock"), ConfigError, speaks_of("/lock", "another process"));
  first.reset();
  const FileLock second(folder / "lock");
  const FileLock other(folder / "other");
}

// Nobody is left to release it.
BOOST_AUTO_TEST_CASE(a_killed_process_holds_nothing) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    const FileLock lock(folder / "lock");
    ::kill(getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_TEST(WIFSIGNALED(status));
  BOOST_TEST(std::filesystem::exists(folder / "lock"));
  const FileLock lock(folder / "lock");
}

BOOST_AUTO_TEST_CASE(no_such_file) {
  const TemporaryFolder folder;
  BOOST_CHECK_EXCEPTION(FileLock(folder / "no/lock"), Error, speaks_of("no/lock", "No such file"));
}

BOOST_AUTO_TEST_SUITE_END()
