// Each lesson keeps the promise of its first comment.
#include <cstdlib>
#include <regex>

#include <canopy/core/sanitizer.hpp>
#include <canopy/datasets/catalog.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/kill.hpp"
#include "programs/program.hpp"

BOOST_AUTO_TEST_SUITE(lessons)

namespace {

// A lesson's program with its files in `folder`.
program::Outcome run_in(const program::Folder& folder, const std::string& lesson) {
  return program::run("/bin/sh", {"-c", "cd '" + folder.path().string() + "' && exec '" LESSONS "'/" + lesson});
}

}  // namespace

BOOST_AUTO_TEST_CASE(fast_feedforward_reaches_what_it_promises) {
  if (!canopy::datasets::status(canopy::datasets::catalog_entry("fashion-mnist")).good()) {
    BOOST_TEST_MESSAGE("SKIPPED: Fashion-MNIST is not installed");
    return;
  }
#ifdef CANOPY_ADDRESS_SANITIZER
  BOOST_TEST_MESSAGE(
      "SKIPPED: twenty epochs take many minutes under the sanitizers, which see the same code in the suite "
      "counterparts");
  return;
#endif
  std::smatch promise;
  const std::string source = program::content(LESSON_SOURCES "/fast_feedforward.cpp");
  BOOST_REQUIRE(std::regex_search(
      source, promise,
      std::regex(
          R"(at least ([0-9.]+) % hard validation accuracy with at least (\d+) of (\d+) leaves used after (\d+) epochs)")));

  const program::Folder folder;
  const auto outcome = run_in(folder, "fast_feedforward");
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  std::smatch found;
  const std::regex last(R"(epoch +(\d+)  accuracy ([0-9.]+) %  leaves used (\d+)/(\d+)\n$)");
  BOOST_REQUIRE_MESSAGE(std::regex_search(outcome.out, found, last), outcome.out);
  BOOST_TEST(std::stoi(found[1]) + 1 == std::stoi(promise[4]));
  BOOST_TEST(std::stod(found[2]) >= std::stod(promise[1]));
  BOOST_TEST(std::stoi(found[3]) >= std::stoi(promise[2]));
  BOOST_TEST(found[4].str() == promise[3].str());
  BOOST_TEST(std::filesystem::exists(folder / "fff.safetensors"));
}

BOOST_AUTO_TEST_CASE(spirals_need_the_recipe) {
  std::smatch promise;
  const std::string source = program::content(LESSON_SOURCES "/spirals.cpp");
  BOOST_REQUIRE(std::regex_search(source, promise, std::regex(R"(below (\d+) %)")));
  const double below = std::stod(promise[1]);
  BOOST_REQUIRE(std::regex_search(source, promise, std::regex(R"(at least (\d+) % with (\d+) of 8 leaves)")));
  const program::Folder folder;
  const auto outcome = run_in(folder, "spirals");
  BOOST_TEST(outcome.exit_code == 0, outcome.err);
  std::smatch found;
  BOOST_REQUIRE_MESSAGE(
      std::regex_search(outcome.out, found,
                        std::regex(R"(alone +([0-9.]+) %.*\nthe recipe +([0-9.]+) %  leaves used (\d+)/8)")),
      outcome.out);
  BOOST_TEST(std::stod(found[1]) < below);
  BOOST_TEST(std::stod(found[2]) >= std::stod(promise[1]));
  BOOST_TEST(found[3].str() == promise[2].str());
}

// Trains, reports, keeps its promise and its bytes.
BOOST_AUTO_TEST_CASE(an_experiment_of_ones_own) {
  std::smatch promise;
  const std::string source = program::content(LESSON_SOURCES "/own_experiment.cpp");
  BOOST_REQUIRE(std::regex_search(source, promise, std::regex(R"(below (\d+) m .*\n?.*stays above (\d+) m)")));
  const program::Folder folder;
  const std::string run = "own_experiment run lessons/ball --threads 2";
  const auto kept = run_in(folder, run + " --expect 'ball-tree:rmse<=" + promise[1].str() +
                                       "' --expect 'ball-experts:rmse<=" + promise[1].str() +
                                       "' --expect 'ball-linear:rmse>=" + promise[2].str() + "'");
  BOOST_TEST(kept.exit_code == 0, kept.err);
  BOOST_TEST(kept.out.find("error m") != std::string::npos, kept.out);
  BOOST_TEST(run_in(folder, run).exit_code == 2);  // it is there already
  BOOST_TEST(run_in(folder, run + " --resume").exit_code == 0);
  BOOST_TEST(run_in(folder, run + " --out again").exit_code == 0);
  const auto bytes = program::result_bytes(folder / "again");
  BOOST_TEST(bytes.size() == 6u);
  BOOST_CHECK(program::result_bytes(folder / "runs/lessons-ball") == bytes);
  BOOST_TEST(run_in(folder, "own_experiment report again").exit_code == 0);
  BOOST_TEST(std::filesystem::exists(folder / "again/plots/error.svg"));
  BOOST_TEST(program::content(folder / "again/report.md").find("error m") != std::string::npos);
  BOOST_TEST(run_in(folder, "own_experiment run lessons/ball --set balance=-1 --out wrong").exit_code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
