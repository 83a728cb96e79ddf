#include <canopy/experiments/harness/report.hpp>

#include <cmath>

#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/page.hpp>
#include <canopy/experiments/harness/table.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"

using namespace canopy;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(report)

namespace {

Experiment experiment() {
  return {.name = "fake/count",
          .paper = "a paper",
          .artefact = "Table 0",
          .settings = {},
          .presets = {{.name = "quick", .seconds = 1, .seeds = 3, .changes = {}}},
          .cells =
              [](const Settings&) {
                return std::vector<Cell>{{.name = "tree"}, {.name = "plain"}};
              },
          .run = {},
          .timing = {},
          .paper_numbers = [](const Cell& cell) -> std::map<std::string, double> {
            if (cell.name == "plain") return {};
            return {{"g_a", 94.9}, {"speedup", 3.39}};
          }};
}

void put(const RunDirectory& directory, const std::string& cell, std::int64_t seed, double g_a, double load,
         const std::string& status = "done") {
  std::filesystem::create_directories(directory.cell(cell, seed));
  Result result;
  result.g_a = g_a;
  result.g_a_ett = g_a;
  result.leaves = 16;
  result.leaves_used = 10 + seed;
  result.maximum_leaf_load = load;
  result.status = status;
  write_file(directory.cell(cell, seed) / "result.json", to_json(result).dump());
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_by_cell) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  const Configuration configuration = resolve(experiment(), "quick", 0, "", {});
  put(directory, "tree", 0, 90, 95);
  put(directory, "tree", 1, 92, 50);
  put(directory, "tree", 2, 97, 90);
  write_file(directory.timing(), R"({"rows": [{"cell": "tree", "speedup": 4.5, "milliseconds": 2, "note": "x"}]})");
  std::filesystem::create_directories(directory.cell("plain", 1));
  write_file(directory.cell("plain", 1) / "error.txt", "it broke\n");

  const Json all = harness::report(directory, experiment(), configuration);
  const Json& tree = all["rows"][0];
  BOOST_TEST(tree["g_a"]["mean"].get<double>() == 93.);
  BOOST_TEST(tree["g_a"]["sd"].get<double>() == std::sqrt(13.));
  BOOST_TEST(tree["g_a"]["best"].get<double>() == 97.);
  // The quantile at 97.5 % of Student's t with two degrees of freedom, which has this closed form: 4.3027.
  const double half = 0.95 * std::sqrt(2 / (1 - 0.95 * 0.95)) * std::sqrt(13. / 3);
  BOOST_TEST(tree["g_a"]["low"].get<double>() == 93 - half, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(tree["g_a"]["high"].get<double>() == 93 + half, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(tree["g_a"]["seeds"].get<int>() == 3);
  BOOST_TEST(tree["g_a"]["paper"].get<double>() == 94.9);
  BOOST_TEST(tree["g_a_ett"]["best"].get<double>() == 90.);
  BOOST_TEST(tree["maximum_leaf_load"]["best"].get<double>() == 50.);
  BOOST_TEST(tree["m_a"]["mean"].is_null());
  BOOST_TEST(tree["collapsed"].get<int>() == 1);
  BOOST_TEST(tree["speedup"]["mean"].get<double>() == 4.5);
  BOOST_TEST(tree["speedup"]["low"].is_null());
  BOOST_TEST(tree["speedup"]["paper"].get<double>() == 3.39);
  BOOST_TEST(tree["milliseconds"]["mean"].get<double>() == 2.);
  BOOST_TEST(tree["status"].get<std::string>() == "done");
  const Json& plain = all["rows"][1];
  BOOST_TEST(plain["status"].get<std::string>() == "failed");
  BOOST_TEST(plain["errors"][0]["error"].get<std::string>() == "it broke");
  BOOST_TEST(!plain["g_a"].contains("paper"));
  BOOST_TEST(plain["speedup"]["mean"].is_null());

  const std::string text = to_text(all);
  BOOST_TEST_MESSAGE(text);
  for (const char* words : {"94.9", "93.00 ± 3.61 (97.00)", "11.0/16", "3.39", "4.50", "COLLAPSED 1/3",
                            "FAILED 1/3, 0/3 seeds", "plain seed 1: it broke"}) {
    BOOST_TEST_CONTEXT(words) { BOOST_TEST(text.find(words) != std::string::npos); }
  }
  BOOST_TEST(to_html(all, directory).find("93.00 ± 3.61 (97.00)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(diverged_trainings_are_counted) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  put(directory, "tree", 0, 10, 95, "diverged");
  put(directory, "tree", 1, 92, 50);
  const Json several = harness::report(directory, experiment(), resolve(experiment(), "quick", 0, "tree", {}));
  BOOST_TEST(several["rows"][0]["diverged"].get<int>() == 1);
  const std::string text = to_text(several);
  BOOST_TEST(text.find("COLLAPSED 1/2, DIVERGED 1/2, 2/3 seeds") != std::string::npos, text);
  BOOST_TEST(text.find("DIVERGED: the loss") != std::string::npos);
  const Json one = harness::report(directory, experiment(), resolve(experiment(), "quick", 1, "tree", {}));
  BOOST_TEST(to_text(one).find("COLLAPSED, DIVERGED\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_empty_directory_has_rows_without_numbers) {
  const Configuration configuration = resolve(experiment(), "quick", 0, "tree", {});
  const program::Folder folder;
  const Json all = harness::report({folder / "none"}, experiment(), configuration);
  BOOST_REQUIRE(all["rows"].size() == 1u);
  BOOST_TEST(all["rows"][0]["status"].get<std::string>() == "incomplete");
  BOOST_TEST(all["rows"][0]["g_a"]["mean"].is_null());
  BOOST_TEST(all["rows"][0]["g_a"]["seeds"].get<int>() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
