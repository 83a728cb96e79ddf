#include <canopy/experiments/cli/program.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <new>

#include <canopy/core/environment.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/expect.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

template <class E>
bool is(const std::exception& error) {
  return dynamic_cast<const E*>(&error) != nullptr;
}

/// The exit codes of the driver, all of them.
int exit_code(const std::exception& error) {
  if (const auto* failed = dynamic_cast<const Failed*>(&error)) return failed->exit_code;
  if (is<CLI::Error>(error) || is<ConfigError>(error)) return 2;
  if (is<DataError>(error) || is<CheckpointError>(error)) return 3;
  if (is<harness::ExpectationMissed>(error)) return 4;
  if (is<harness::Interrupted>(error)) return 130;
  return 1;
}

/// In our own words where a library's are none.
std::string message_of(const std::exception& error) {
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    return fmt::format("{}: {}", file->path1().string(), file->code().message());
  }
  return is<std::bad_alloc>(error) ? "out of memory" : error.what();
}

/// What was printed may still wait for a disk that is full.
void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw Error(fmt::format("standard output: {}", errno != 0 ? std::strerror(errno) : "cannot be written"));
  }
}

void print_line(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  harness::say(fmt::format("canopy: {}\n", text));
}

}  // namespace

int run_program(const Program& program, int argc, const char* const* argv) {
  harness::hold_standard_streams();
  CLI::App app("Trains networks that use a few neurons of many, and runs the experiments of their papers again.",
               "canopy");
  app.set_version_flag("--version", environment().version);
  app.require_subcommand(0, 1);  // so that a wrong command is named before a missing one
  const CommandLine words(argv, argv + argc);
  add_list(app, program);
  add_run(app, program, words);
  add_worker(app, program);
  add_report(app, program);
  if (program.evaluate) add_eval(app, program);
  add_bench(app, program);
  add_data(app);
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw ConfigError("which command? See canopy --help");
    flush_output();
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    print_line(message_of(error));
    return exit_code(error);
  }
}

}  // namespace canopy::cli
