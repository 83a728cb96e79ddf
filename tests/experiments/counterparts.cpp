// The first experiment through the real driver, on a small data set made here.
#include <canopy/experiments/fff/counterparts.hpp>
#include <canopy/experiments/harness/metrics.hpp>

#include <set>

#include <boost/test/unit_test.hpp>

#include "datasets/files.hpp"
#include "programs/kill.hpp"

using program::Folder;
namespace fs = std::filesystem;
using namespace canopy;

BOOST_AUTO_TEST_SUITE(counterparts)

namespace {

void write_images(const fs::path& folder) {
  fs::create_directories(folder);
  const auto write = [&](const char* name, const std::string& content) { test::write_plain(folder / name, content); };
  write("train-images", test::idx({2000, 6, 5}, 37, 251));
  write("train-labels", test::idx({2000}, 3, 7));
  write("test-images", test::idx({200, 6, 5}, 91, 241));
  write("test-labels", test::idx({200}, 5, 7));
}

std::vector<std::string> arguments(const Folder& folder, const char* out, const char* threads) {
  return {"run",       "fff/counterparts",
          "--out",     (folder / out).string(),
          "--set",     "dataset=idx:" + (folder / "images").string(),
          "--set",     "width=8",
          "--set",     "leaf_width=8,2",
          "--set",     "recipe=literal,canopy",
          "--set",     "epochs=12",
          "--set",     "region_leak=0.05",
          "--set",     "dropout=0.1",
          "--threads", threads,
          "--resume"};
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_grid_of_the_whole_table) {
  const harness::Experiment experiment = fff::counterparts();
  for (const harness::Preset& preset : experiment.presets) {
    harness::Settings settings = experiment.settings;
    for (const auto& [key, value] : preset.changes) settings.set(key, value);
    std::set<std::string> names;
    for (const harness::Cell& cell : experiment.cells(settings)) {
      BOOST_TEST(names.insert(cell.name).second);
      const auto paper = experiment.paper_numbers(cell);
      BOOST_TEST(paper.contains("m_a"));
      BOOST_TEST(paper.contains("g_a_sd"));
    }
    BOOST_TEST(names.size() == (preset.name == "quick" ? 12u : 180u));
  }
}

BOOST_AUTO_TEST_CASE(the_paper_s_numbers_stand_beside_their_cells) {
  const harness::Experiment experiment = fff::counterparts();
  const auto cell = [](const char* dataset, const char* model, std::int64_t width, harness::Label leaf_width) {
    return harness::Cell{
        .name = "x",
        .labels = {{"dataset", dataset}, {"model", model}, {"training_width", width}, {"leaf_width", leaf_width}}};
  };
  const auto paper = experiment.paper_numbers(cell("mnist", "fff", 128, 8));
  BOOST_TEST(paper.at("m_a") == 99.3);
  BOOST_TEST(paper.at("g_a") == 94.9);
  BOOST_TEST(paper.at("speedup") == 3.39);
  BOOST_TEST(experiment.paper_numbers(cell("cifar-10", "ff", 16, {})).empty());
}

BOOST_AUTO_TEST_CASE(widths_without_a_tree_are_refused) {
  const harness::Experiment experiment = fff::counterparts();
  for (const char* wrong : {"leaf_width=3", "leaf_width=0", "width=0", "epochs=0", "recipe=secret", "optimizer=magic",
                            "input=raw", "schedule=never", "batch_size=0", "hardening_weighting=some"}) {
    harness::Settings settings = experiment.settings;
    settings.set(wrong);
    BOOST_CHECK_THROW(experiment.cells(settings), ConfigError);
  }
}

BOOST_AUTO_TEST_CASE(training_gives_the_same_bytes_for_any_threads_and_after_any_end) {
  const Folder folder;
  write_images(folder / "images");
  const auto start = std::chrono::steady_clock::now();
  BOOST_TEST(program::run(CANOPY_DRIVER, arguments(folder, "undisturbed", "1")).exit_code == 0);
  const auto window =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start) / 3;
  const auto expected = program::result_bytes(folder / "undisturbed");
  BOOST_TEST(expected.size() == 12u);  // six cells, two files
  BOOST_TEST(program::run(CANOPY_DRIVER, arguments(folder, "threads", "4")).exit_code == 0);
  BOOST_CHECK(program::result_bytes(folder / "threads") == expected);
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) {
    const std::string out = "signal-" + std::to_string(signal);
    const int killed = program::kill_until_done(CANOPY_DRIVER, arguments(folder, out.c_str(), "2"), signal, window);
    BOOST_TEST_MESSAGE("signal " << signal << ": ended " << killed << " times");
    BOOST_CHECK(program::result_bytes(folder / out) == expected);
    for (const auto& cell : fs::directory_iterator(folder / out / "cells")) {
      const auto clock = harness::read_metrics(cell.path() / "0" / "clock.csv");
      BOOST_REQUIRE(clock.size() == 4u);
      BOOST_TEST(clock[2].first == "samples");
      BOOST_REQUIRE(clock[2].second.size() == 12u);
      for (std::size_t epoch = 0; epoch < 12; ++epoch) {
        BOOST_TEST(clock[2].second[epoch] == 1800. * static_cast<double>(epoch + 1));  // nine tenths of 2000
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cell_s_checkpoint_gives_its_generalisation_accuracy) {
  const Folder folder;
  write_images(folder / "images");
  BOOST_TEST(program::run(CANOPY_DRIVER, arguments(folder, "run", "2")).exit_code == 0);
  int checked = 0;
  for (const auto& cell : fs::directory_iterator(folder / "run" / "cells")) {
    const auto result = harness::Json::parse(program::content(cell.path() / "0" / "result.json"));
    const auto outcome = program::run(CANOPY_DRIVER, {"eval", (cell.path() / "0" / "checkpoint.safetensors").string(),
                                                      "--dataset", "idx:" + (folder / "images").string(), "--json"});
    BOOST_TEST(outcome.exit_code == 0, outcome.err);
    const auto score = harness::Json::parse(outcome.out);
    // Folding the mean image into the biases may move an image that lies on a boundary.
    BOOST_TEST(std::abs(score.at("accuracy").get<double>() - result.at("g_a").get<double>()) <= 0.5);
    if (result.at("model") == "fff") BOOST_TEST(score.at("leaves") == result.at("leaves"));
    ++checked;
  }
  BOOST_TEST(checked == 6);
}

BOOST_AUTO_TEST_SUITE_END()
