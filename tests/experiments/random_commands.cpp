// Whatever is typed and whatever lies on the disk: success, or one clear line and an exit code of the contract.
#include <cstdlib>
#include <set>
#include <sstream>

#include <canopy/experiments/harness/json.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/random_command.hpp"

using program::Outcome;
using program::RandomCommand;

BOOST_AUTO_TEST_SUITE(random_commands)

namespace {

/// $CANOPY_RANDOM_COMMANDS asks for another number of them.
unsigned commands() {
  const char* number = std::getenv("CANOPY_RANDOM_COMMANDS");
  return number != nullptr ? static_cast<unsigned>(std::strtoul(number, nullptr, 10)) : 320;
}

/// What libraries, the language and the sanitizers say when something went wrong that was not foreseen.
constexpr const char* foreign[] = {"json.exception", "filesystem error", "std::",        "bad_alloc",
                                   "basic_",         "terminate called", "what():",      "Sanitizer",
                                   "runtime error:", "inside canopy",    "libgomp",      "Assertion",
                                   "toml::",         "unknown error",    "bad optional", "vector::"};

std::string quoted(const RandomCommand& command) {
  std::string text = command.driver;
  for (const std::string& word : command.words) text += " '" + word + "'";
  return text + (command.damage.empty() ? "" : "   (" + command.damage + ")");
}

std::vector<std::string> error_lines(const std::string& err) {
  std::vector<std::string> lines;
  std::istringstream stream(err);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("canopy: ")) lines.push_back(line);
  }
  return lines;
}

void check(const Outcome& outcome, const RandomCommand& command) {
  static const std::set<int> contract = {0, 1, 2, 3, 4, 130};
  BOOST_TEST(contract.contains(outcome.exit_code), "exit code " << outcome.exit_code);
  const std::vector<std::string> errors = error_lines(outcome.err);
  BOOST_TEST(errors.size() == (outcome.exit_code == 0 ? 0u : 1u));
  if (outcome.exit_code != 0) {
    BOOST_TEST(outcome.err.ends_with((errors.empty() ? "?" : errors.back()) + "\n"));
  }
  for (const char* words : foreign) {
    BOOST_TEST(outcome.err.find(words) == std::string::npos, "says '" << words << "'");
    BOOST_TEST(outcome.out.find(words) == std::string::npos, "prints '" << words << "'");
  }
  const bool json = std::ranges::find(command.words, "--json") != command.words.end();
  if (json && outcome.exit_code == 0) {
    BOOST_TEST((outcome.out.empty() || canopy::harness::Json::accept(outcome.out) ||
                !outcome.out.starts_with("{")));  // --help and --version win
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_ends_well_or_with_one_line) {
  const program::Playground playground;
  const program::Folder here;  // where a run goes that names no place
  const program::fs::path before = program::fs::current_path();
  program::fs::current_path(here.path());
  std::map<int, int> codes;
  for (unsigned seed = 0; seed < commands(); ++seed) {
    const program::Folder folder, output;
    const RandomCommand command = program::RandomCommands(playground, folder / "out", seed).next();
    const Outcome outcome =
        program::wait_at_most(program::start(command.driver, command.words, output), output, std::chrono::seconds(60));
    ++codes[outcome.exit_code];
    BOOST_TEST_CONTEXT("command " << seed << ": " << quoted(command) << "\n" << outcome.err) {
      check(outcome, command);
    }
  }
  program::fs::current_path(before);
  // The commands are neither all refused nor all accepted.
  for (const int code : {0, 1, 2, 3}) BOOST_TEST(codes[code] >= 10, "exit code " << code << ": " << codes[code]);
}

BOOST_AUTO_TEST_SUITE_END()
