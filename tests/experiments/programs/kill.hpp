// Ending a driver at random moments and looking at what its run directory holds.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "program.hpp"

namespace program {

/// Everything that a resumed run must give again, by path.
inline std::map<std::string, std::string> result_bytes(const fs::path& out) {
  std::map<std::string, std::string> files;
  if (!fs::exists(out / "cells")) return files;
  for (const auto& entry : fs::recursive_directory_iterator(out / "cells")) {
    const std::string name = entry.path().filename();
    if (name == "result.json" || (name.ends_with(".csv") && name != "clock.csv")) {
      files[fs::relative(entry.path(), out)] = content(entry.path());
    }
  }
  return files;
}

inline std::size_t complete_cells(const fs::path& out) {
  const auto files = result_bytes(out);
  return static_cast<std::size_t>(
      std::ranges::count_if(files, [](const auto& file) { return file.first.ends_with("result.json"); }));
}

/// Sends the signal at random moments within `window`, again and again, until the run ends by itself; returns how often
/// it was ended. Complete cells stay complete. The window grows by a tenth with each attempt, so that slow machines get
/// on too.
inline int kill_until_done(const char* driver, const std::vector<std::string>& arguments, int signal,
                           std::chrono::milliseconds window, unsigned seed = 0) {
  std::mt19937 random(static_cast<unsigned>(signal) + 100 * seed);
  const fs::path out = *(std::ranges::find(arguments, "--out") + 1);
  std::size_t complete = 0;
  int killed = 0;
  for (unsigned attempt = 0; attempt < 100; ++attempt) {
    const Folder output;
    const pid_t process = start(driver, arguments, output);
    std::this_thread::sleep_for(window * (10 + attempt) / 10 * (random() % 1024u) / 1024);
    ::kill(process, signal);
    const Outcome outcome = wait(process, output);
    if (outcome.exit_code == 0) return killed;
    ++killed;
    BOOST_TEST_CONTEXT(outcome.err) {
      BOOST_TEST((outcome.exit_code == 130 || outcome.exit_code == -signal));
      if (outcome.exit_code == 130) BOOST_TEST(outcome.err.find("--resume") != std::string::npos);
    }
    BOOST_TEST(complete_cells(out) >= complete);
    complete = complete_cells(out);
  }
  BOOST_ERROR("the run never ended");
  return killed;
}

}  // namespace program
