// The models that the authors of paper 3 released give exactly the scores of their metadata on the real test sets.
#include <cmath>
#include <filesystem>
#include <string>

#include <canopy/core/safetensors.hpp>
#include <canopy/datasets/catalog.hpp>
#include <canopy/experiments/training/evaluate_checkpoint.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(released_checkpoints)

BOOST_AUTO_TEST_CASE(accuracies_and_leaves_are_exact) {
  const fs::path folder = CANOPY_TEST_CHECKPOINTS;
  if (!fs::is_directory(folder)) {
    BOOST_TEST_MESSAGE("SKIPPED: no released checkpoints in " << folder);
    return;
  }
  int checked = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".safetensors") continue;
    const auto metadata = read_safetensors(entry.path()).metadata;
    fs::path data;
    if (!datasets::status(datasets::catalog_entry(metadata.at("dataset"))).good()) data = CANOPY_TEST_DATA;
    if (!datasets::status(datasets::catalog_entry(metadata.at("dataset")), data).good()) {
      BOOST_TEST_MESSAGE("SKIPPED: " << metadata.at("dataset") << " is not here");
      continue;
    }
    const EvalResult result = evaluate_checkpoint(
        {.checkpoint = entry.path(), .dataset = metadata.at("dataset"), .input_range = {}, .data = data});
    BOOST_TEST_CONTEXT(entry.path().filename().string()) {
      BOOST_TEST(result.samples == 10000);
      BOOST_TEST(std::round(result.accuracy_hard * 100) ==
                 std::round(std::stod(metadata.at("test_accuracy_hard")) * 100));
      BOOST_TEST(std::round(result.accuracy_soft * 100) ==
                 std::round(std::stod(metadata.at("test_accuracy_soft")) * 100));
      BOOST_TEST(result.leaves_used == std::stoi(metadata.at("test_leaves_used")));
    }
    ++checked;
  }
  BOOST_TEST_MESSAGE(checked << " checkpoints scored");
}

BOOST_AUTO_TEST_SUITE_END()
