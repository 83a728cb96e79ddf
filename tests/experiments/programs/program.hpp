// Starting the drivers under test.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace program {

namespace fs = std::filesystem;

using Folder = canopy::test::TemporaryFolder;

inline std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Outcome {
  int exit_code = -1;  ///< or minus the signal
  std::string out;
  std::string err;
};

/// Starts a program with its output going to files in `folder`.
inline pid_t start(const char* program, std::vector<std::string> arguments, const Folder& folder) {
  std::vector<char*> argv = {const_cast<char*>("canopy")};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, (folder / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  posix_spawn_file_actions_addopen(&actions, 2, (folder / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  pid_t process = -1;
  ::posix_spawn(&process, program, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return process;
}

inline Outcome wait(pid_t process, const Folder& folder) {
  int status = 0;
  ::waitpid(process, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), content(folder / "out"),
          content(folder / "err")};
}

inline Outcome run(const char* program, const std::vector<std::string>& arguments) {
  const Folder folder;
  return wait(start(program, arguments, folder), folder);
}

}  // namespace program
