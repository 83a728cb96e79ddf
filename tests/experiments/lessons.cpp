// Each lesson keeps the promise of its first comment.
#include <cstdlib>
#include <regex>

#include <canopy/datasets/catalog.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"

BOOST_AUTO_TEST_SUITE(lessons)

BOOST_AUTO_TEST_CASE(fast_feedforward_reaches_what_it_promises) {
  if (!canopy::datasets::status(canopy::datasets::catalog_entry("fashion-mnist")).good()) {
    BOOST_TEST_MESSAGE("SKIPPED: Fashion-MNIST is not installed");
    return;
  }
#ifdef __SANITIZE_ADDRESS__
  BOOST_TEST_MESSAGE(
      "SKIPPED: twenty epochs take many minutes under the sanitizers, which see the same code in the suite "
      "counterparts");
  return;
#endif
  std::smatch promise;
  const std::string source = program::content(LESSON_SOURCE);
  BOOST_REQUIRE(std::regex_search(
      source, promise,
      std::regex(
          R"(at least ([0-9.]+) % hard validation accuracy with at least (\d+) of (\d+) leaves used after (\d+) epochs)")));

  const program::Folder folder;
  const auto outcome =
      program::run("/bin/sh", {"-c", "cd '" + folder.path().string() + "' && exec '" LESSON_PROGRAM "'"});
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

BOOST_AUTO_TEST_SUITE_END()
