// A run that ends at any moment and is resumed leaves the same bytes as one that was left alone.
#include <chrono>
#include <map>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "programs/kill.hpp"

using namespace std::chrono_literals;
using program::Folder;
using program::Outcome;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(grid)

namespace {

std::vector<std::string> arguments(const fs::path& out, const char* pause) {
  return {"run",   "fake/count", "--out",     out.string(), "--set",   "epochs=8",
          "--set", pause,        "--threads", "3",          "--resume"};
}

const std::map<std::string, std::string>& undisturbed() {
  static const std::map<std::string, std::string> files = [] {
    const Folder folder;
    BOOST_TEST(program::run(FAKE_DRIVER, arguments(folder / "run", "pause=0")).exit_code == 0);
    return program::result_bytes(folder / "run");
  }();
  return files;
}

}  // namespace

BOOST_AUTO_TEST_CASE(killed_and_resumed) {
  BOOST_TEST(undisturbed().size() == 8u);  // two cells, two seeds, two files
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) {
    BOOST_TEST_CONTEXT("signal " << signal) {
      const Folder folder;
      const int killed = program::kill_until_done(FAKE_DRIVER, arguments(folder / "run", "pause=20000"), signal, 200ms);
      BOOST_TEST_MESSAGE("ended " << killed << " times");
      BOOST_CHECK(program::result_bytes(folder / "run") == undisturbed());
    }
  }
}

BOOST_AUTO_TEST_CASE(killed_at_twenty_random_moments) {
  int killed = 0;
  for (unsigned round = 0; killed < 20 && round < 20; ++round) {
    const Folder folder;
    killed += program::kill_until_done(FAKE_DRIVER, arguments(folder / "run", "pause=20000"), SIGKILL, 150ms, round);
    BOOST_CHECK(program::result_bytes(folder / "run") == undisturbed());
  }
  BOOST_TEST(killed >= 20);
}

BOOST_AUTO_TEST_CASE(workers_die_with_their_parent) {
  const Folder folder;
  const Folder output;
  const pid_t process = program::start(FAKE_DRIVER, arguments(folder / "run", "pause=200000"), output);
  for (int wait = 0; wait < 1000 && program::result_bytes(folder / "run").empty(); ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(process, SIGKILL);
  program::wait(process, output);
  const auto before = program::result_bytes(folder / "run");
  BOOST_TEST(!before.empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  BOOST_CHECK(program::result_bytes(folder / "run") == before);
}

BOOST_AUTO_TEST_CASE(complete_cells_need_only_their_two_files) {
  const Folder folder;
  BOOST_TEST(program::run(FAKE_DRIVER, arguments(folder / "run", "pause=0")).exit_code == 0);
  for (const auto& [name, content] : undisturbed()) {
    fs::remove(((folder / "run") / name).parent_path() / "checkpoint.safetensors");
  }
  const auto written = fs::last_write_time((folder / "run") / "cells/none-ff/0/result.json");
  BOOST_TEST(program::run(FAKE_DRIVER, arguments(folder / "run", "pause=0")).exit_code == 0);
  BOOST_CHECK(fs::last_write_time((folder / "run") / "cells/none-ff/0/result.json") == written);
  BOOST_CHECK(program::result_bytes(folder / "run") == undisturbed());
}

BOOST_AUTO_TEST_SUITE_END()
