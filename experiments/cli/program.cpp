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

/// The exit codes of the driver, all of them: to be called while an exception is handled.
int exit_code() {
  try {
    throw;
  } catch (const Failed& failed) {
    return failed.exit_code;
  } catch (const CLI::Error&) {
    return 2;
  } catch (const ConfigError&) {
    return 2;
  } catch (const DataError&) {
    return 3;
  } catch (const CheckpointError&) {
    return 3;
  } catch (const harness::ExpectationMissed&) {
    return 4;
  } catch (const harness::Interrupted&) {
    return 130;
  } catch (...) {
    return 1;
  }
}

/// What went wrong, in our own words where a library's are none; likewise.
std::string message() {
  try {
    throw;
  } catch (const std::filesystem::filesystem_error& error) {
    return fmt::format("{}: {}", error.path1().string(), error.code().message());
  } catch (const std::bad_alloc&) {
    return "out of memory";
  } catch (const std::exception& error) {
    return error.what();
  }
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
  restart_with_better_blas_kernels();
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
  } catch (const std::exception&) {
    print_line(message());
    return exit_code();
  }
}

}  // namespace canopy::cli
