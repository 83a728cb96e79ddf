#include <canopy/experiments/harness/report.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/csv.hpp>
#include <canopy/experiments/harness/markdown.hpp>
#include <canopy/experiments/harness/page.hpp>
#include <canopy/experiments/harness/table.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "programs/reported.hpp"
#include "support/errors.hpp"

using namespace canopy;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(report)

using reported::experiment;
using reported::regression;

namespace {

void put(const RunDirectory& directory, const std::string& cell, std::int64_t seed, double g_a, double load,
         const std::string& status = "done") {
  std::filesystem::create_directories(directory.cell(cell, seed));
  Result result;
  result.metrics["g_a"] = g_a;
  result.metrics["g_a_ett"] = g_a;
  result.metrics["leaves"] = 16;
  result.metrics["leaves_used"] = 10 + seed;
  result.metrics["maximum_leaf_load"] = load;
  result.status = status;
  write_file(directory.cell(cell, seed) / "result.json", to_json(result).dump());
}

std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string>& row = rows.emplace_back();
    std::istringstream cells(line + ",");
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
  }
  return rows;
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

  const Report numbers = harness::report(directory, experiment(), configuration);
  const Json all = to_json(numbers);
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

  const std::string text = to_text(numbers);
  BOOST_TEST_MESSAGE(text);
  for (const char* words : {"94.9", "93.00 ± 3.61 (97.00)", "11.0/16", "3.39", "4.50", "COLLAPSED 1/3",
                            "FAILED 1/3, 0/3 seeds", "plain seed 1: it broke"}) {
    BOOST_TEST_CONTEXT(words) { BOOST_TEST(text.find(words) != std::string::npos); }
  }
  BOOST_TEST(to_html(numbers, {}).find("93.00 ± 3.61 (97.00)") != std::string::npos);

  const std::string page = to_markdown(numbers);
  BOOST_TEST_MESSAGE(page);
  for (const char* words : {"Table 0 of a paper", "| `tree` | ", "| G_A % paper | G_A % ours | best | 95 % interval |",
                            "| 94.9 | 93.00 ± 3.61 | 97.00 | 84.04 to 101.96 |", "| 11.0/16 |", "| 3 | COLLAPSED 1/3 |",
                            "| 0 | FAILED 1/3, 0/3 seeds |", "failed: plain seed 1: it broke"}) {
    BOOST_TEST_CONTEXT(words) { BOOST_TEST(page.find(words) != std::string::npos); }
  }

  const std::vector<std::vector<std::string>> csv = parse_csv(to_csv(numbers));
  BOOST_REQUIRE(csv.size() == 3u);
  const auto value = [&](std::size_t row, const std::string& column) {
    const auto at = std::ranges::find(csv[0], column) - csv[0].begin();
    BOOST_REQUIRE(static_cast<std::size_t>(at) < csv[0].size());
    BOOST_REQUIRE(csv[row].size() == csv[0].size());
    return csv[row][static_cast<std::size_t>(at)];
  };
  BOOST_TEST(value(1, "cell") == "tree");
  BOOST_TEST(value(1, "collapsed") == "1");
  BOOST_TEST(std::stod(value(1, "g_a_mean")) == 93.);
  BOOST_TEST(std::stod(value(1, "g_a_low")) == 93 - half, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(value(1, "g_a_paper") == "94.9");
  BOOST_TEST(value(1, "speedup_sd") == "");
  BOOST_TEST(value(2, "g_a_mean") == "");
  BOOST_TEST(value(2, "seeds_failed") == "1");
}

BOOST_AUTO_TEST_CASE(text_in_tables_is_escaped) {
  const program::Folder folder;
  Report all = harness::report({folder / "none"}, experiment(), resolve(experiment(), "quick", 1, "tree", {}));
  all.rows[0].cell.labels["dataset"] = "idx:a,\"b\"";
  all.rows[0].cell.name = "a|b";
  BOOST_TEST(to_csv(all).find("a|b,\"idx:a,\"\"b\"\"\",") != std::string::npos, to_csv(all));
  BOOST_TEST(to_markdown(all).find("| `a\\|b` |") != std::string::npos, to_markdown(all));
}

BOOST_AUTO_TEST_CASE(diverged_trainings_are_counted) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  put(directory, "tree", 0, 10, 95, "diverged");
  put(directory, "tree", 1, 92, 50);
  const Report several = harness::report(directory, experiment(), resolve(experiment(), "quick", 0, "tree", {}));
  BOOST_TEST(to_json(several)["rows"][0]["diverged"].get<int>() == 1);
  const std::string text = to_text(several);
  BOOST_TEST(text.find("COLLAPSED 1/2, DIVERGED 1/2, 2/3 seeds") != std::string::npos, text);
  BOOST_TEST(text.find("DIVERGED: the loss") != std::string::npos);
  const Report one = harness::report(directory, experiment(), resolve(experiment(), "quick", 1, "tree", {}));
  BOOST_TEST(to_text(one).find("COLLAPSED, DIVERGED\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(times_beside_other_work_are_marked) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  put(directory, "tree", 0, 90, 50);
  put(directory, "plain", 0, 90, 50);
  const auto noisy = [&](const char* tree, const char* plain) {
    write_file(directory.timing(),
               fmt::format(R"({{"rows": [{{"cell": "tree", {}}}, {{"cell": "plain", {}}}]}})", tree, plain));
    return harness::report(directory, experiment(), resolve(experiment(), "quick", 1, "", {}));
  };
  const Report all = noisy(R"("milliseconds": 2, "spread": 0.21)", R"("milliseconds": 2, "spread": 0.19)");
  BOOST_TEST(!all.rows[0].noise.empty());
  BOOST_TEST(all.rows[1].noise.empty());
  const std::string text = to_text(all);
  BOOST_TEST(text.find("NOISY") < text.find("plain"), text);
  BOOST_TEST(text.find("NOISY: the time") != std::string::npos, text);
  BOOST_TEST(text.find("NOISY", text.find("plain")) == text.find("NOISY: the time"), text);
  BOOST_TEST(to_markdown(all).find("| 1 | NOISY |") != std::string::npos);
  const std::vector<std::vector<std::string>> csv = parse_csv(to_csv(all));
  const auto column = static_cast<std::size_t>(std::ranges::find(csv[0], "noisy") - csv[0].begin());
  BOOST_TEST(csv[1].at(column) == "true");
  BOOST_TEST(csv[2].at(column) == "false");

  // A ratio is as noisy as its baseline; one without a spread says nothing.
  const Report baseline =
      noisy(R"("milliseconds": 2, "spread": 0.01, "ff_milliseconds": 3, "ff_spread": 0.31)",
            R"("milliseconds": 2, "spread": 0.01, "ff_milliseconds": 3, "ff_spread": 0.29, "old_milliseconds": 1)");
  BOOST_TEST(!baseline.rows[0].noise.empty());
  BOOST_TEST(baseline.rows[1].noise.empty());
}

BOOST_AUTO_TEST_CASE(an_empty_directory_has_rows_without_numbers) {
  const Configuration configuration = resolve(experiment(), "quick", 0, "tree", {});
  const program::Folder folder;
  const Report report = harness::report({folder / "none"}, experiment(), configuration);
  const Json all = to_json(report);
  BOOST_REQUIRE(all["rows"].size() == 1u);
  BOOST_TEST(all["rows"][0]["status"].get<std::string>() == "incomplete");
  BOOST_TEST(all["rows"][0]["g_a"]["mean"].is_null());
  BOOST_TEST(all["rows"][0]["g_a"]["seeds"].get<int>() == 0);
}

BOOST_AUTO_TEST_CASE(an_experiment_of_its_own_kind) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  const Experiment own = regression();
  for (int seed = 0; seed < 3; ++seed) {
    std::filesystem::create_directories(directory.cell("forest", seed));
    Result result{.labels = {{"trees", 4}}};
    result.metrics["rmse"] = 0.5 + 0.1 * seed;
    result.metrics["bias"] = 0.25 * seed;
    result.metrics["branches"] = 3;
    result.metrics["all"] = 10;
    write_file(directory.cell("forest", seed) / "result.json", to_json(result).dump());
  }
  const Report all = harness::report(directory, own, resolve(own, "quick", 0, "", {}));
  const Json row = to_json(all)["rows"][0];
  BOOST_TEST(row["trees"].get<int>() == 4);
  BOOST_TEST(!row.contains("dataset"));
  BOOST_TEST(!row.contains("collapsed"));
  BOOST_TEST(row["diverged"].get<int>() == 0);
  BOOST_TEST(row["large"].get<int>() == 1);
  BOOST_TEST(row["rmse"]["best"].get<double>() == 0.5);  // the smallest
  BOOST_TEST(row["rmse"]["paper"].get<double>() == 0.375);
  BOOST_TEST(row["bias"]["best"].is_null());
  const Json none = to_json(all)["rows"][1];
  BOOST_TEST(none["rmse"]["mean"].is_null());
  BOOST_TEST(!none.contains("trees"));

  const std::string text = to_text(all);
  const std::string page = to_markdown(all);
  const std::string html = to_html(all, {});
  BOOST_TEST_MESSAGE(text << page);
  for (const char* words : {"RMSE m paper", "0.375", "0.600 ± 0.100 (0.500)", "0.25 ± 0.25", "LARGE 1/3", "3.0/10"}) {
    BOOST_TEST(text.find(words) != std::string::npos, words);
    BOOST_TEST(html.find(words) != std::string::npos, words);
  }
  BOOST_TEST(text.find("LARGE: the error is over 0.65.") != std::string::npos);
  BOOST_TEST(html.find("LARGE: the error is over 0.65.") != std::string::npos);
  BOOST_TEST(text.find("(0.00)") == std::string::npos);  // neither way is better: there is no best
  BOOST_TEST(page.find("| cell | RMSE m paper | RMSE m ours | best | 95 % interval | bias | branches | seeds |") !=
             std::string::npos);
  BOOST_TEST(
      page.find(
          "| `forest` | 0.375 | 0.600 ± 0.100 | 0.500 | 0.352 to 0.848 | 0.25 ± 0.25 | 3.0/10 | 3 | LARGE 1/3 |") !=
      std::string::npos);
  const std::vector<std::vector<std::string>> csv = parse_csv(to_csv(all));
  BOOST_REQUIRE(csv.size() == 3u);
  BOOST_TEST(csv[0][1] == "trees");
  BOOST_TEST(csv[1][1] == "4");
  BOOST_TEST(csv[2][1] == "");
  const auto at = static_cast<std::size_t>(std::ranges::find(csv[0], "rmse_best") - csv[0].begin());
  BOOST_TEST(csv[1].at(at) == "0.5");
}

BOOST_AUTO_TEST_SUITE_END()
