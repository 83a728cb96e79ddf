#include <canopy/experiments/cli/program.hpp>

#include <algorithm>
#include <exception>
#include <sstream>

#include <canopy/core/environment.hpp>
#include <canopy/core/failures.hpp>
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

/// What went wrong; likewise.
std::string message() {
  try {
    throw;
  } catch (const CLI::Error& error) {
    return error.what();
  } catch (...) {
    return describe_failure();
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
  add_text(app);
  add_embed(app);
  add_fill_mask(app);
  try {
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& help) {
      std::ostringstream text;
      app.exit(help, text, text);
      harness::print(text.str());
      return 0;
    }
    if (app.get_subcommands().empty()) throw ConfigError("which command? See canopy --help");
    return 0;
  } catch (const std::exception&) {
    print_line(message());
    return exit_code();
  }
}

}  // namespace canopy::cli
