#include <canopy/experiments/cli/program.hpp>

#include <algorithm>
#include <exception>
#include <sstream>
#include <type_traits>

#include <canopy/core/environment.hpp>
#include <canopy/core/failures.hpp>
#include <canopy/experiments/cli/commands.hpp>
#include <canopy/experiments/harness/expect.hpp>
#include <canopy/experiments/harness/terminal.hpp>

#include <fmt/format.h>

namespace canopy::cli {
namespace {

/// The exit codes of the driver, all of them.
int exit_code(const std::exception& error) {
  const auto is = [&]<class E>(std::type_identity<E>) { return dynamic_cast<const E*>(&error) != nullptr; };
  if (const auto* failed = dynamic_cast<const Failed*>(&error)) return failed->exit_code;
  if (is(std::type_identity<CLI::Error>()) || is(std::type_identity<ConfigError>())) return 2;
  if (is(std::type_identity<DataError>()) || is(std::type_identity<CheckpointError>())) return 3;
  if (is(std::type_identity<harness::ExpectationMissed>())) return 4;
  if (is(std::type_identity<harness::Interrupted>())) return 130;
  return 1;
}

std::string message(const std::exception& error) {
  return dynamic_cast<const CLI::Error*>(&error) != nullptr ? error.what() : describe_failure(error);
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
  } catch (const std::exception& error) {
    print_line(message(error));
    return exit_code(error);
  }
}

}  // namespace canopy::cli
