#include <canopy/experiments/harness/report.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/csv.hpp>
#include <canopy/experiments/harness/markdown.hpp>
#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/harness/page.hpp>
#include <canopy/experiments/harness/plots.hpp>
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

  const std::string page = to_markdown(all);
  BOOST_TEST_MESSAGE(page);
  for (const char* words : {"Table 0 of a paper", "| `tree` | ", "| G_A % paper | G_A % ours | best | 95 % interval |",
                            "| 94.9 | 93.00 ± 3.61 | 97.00 | 84.04 to 101.96 |", "| 11.0/16 |", "| 3 | COLLAPSED 1/3 |",
                            "| 0 | FAILED 1/3, 0/3 seeds |", "failed: plain seed 1: it broke"}) {
    BOOST_TEST_CONTEXT(words) { BOOST_TEST(page.find(words) != std::string::npos); }
  }

  const std::vector<std::vector<std::string>> csv = parse_csv(to_csv(all));
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
  Json all = harness::report({folder / "none"}, experiment(), resolve(experiment(), "quick", 1, "tree", {}));
  all["rows"][0]["dataset"] = "idx:a,\"b\"";
  all["rows"][0]["cell"] = "a|b";
  BOOST_TEST(to_csv(all).find("a|b,\"idx:a,\"\"b\"\"\",") != std::string::npos, to_csv(all));
  BOOST_TEST(to_markdown(all).find("| `a\\|b` |") != std::string::npos, to_markdown(all));
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

BOOST_AUTO_TEST_CASE(times_beside_other_work_are_marked) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  put(directory, "tree", 0, 90, 50);
  put(directory, "plain", 0, 90, 50);
  write_file(directory.timing(), R"({"rows": [{"cell": "tree", "milliseconds": 2, "spread": 0.21},
                                              {"cell": "plain", "milliseconds": 2, "spread": 0.19}]})");
  const Json all = harness::report(directory, experiment(), resolve(experiment(), "quick", 1, "", {}));
  BOOST_TEST(all["rows"][0]["noisy"].get<bool>());
  BOOST_TEST(!all["rows"][1]["noisy"].get<bool>());
  const std::string text = to_text(all);
  BOOST_TEST(text.find("NOISY") < text.find("plain"), text);
  BOOST_TEST(text.find("NOISY: the time varies") != std::string::npos, text);
  BOOST_TEST(text.find("NOISY", text.find("plain")) == text.find("NOISY: the time"), text);
  BOOST_TEST(to_markdown(all).find("| 1 | NOISY |") != std::string::npos);
  const std::vector<std::vector<std::string>> csv = parse_csv(to_csv(all));
  const auto column = static_cast<std::size_t>(std::ranges::find(csv[0], "noisy") - csv[0].begin());
  BOOST_TEST(csv[1].at(column) == "true");
  BOOST_TEST(csv[2].at(column) == "false");
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

BOOST_AUTO_TEST_CASE(accuracies_over_the_epochs) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  const Json all = harness::report(directory, experiment(), resolve(experiment(), "quick", 2, "tree", {}));
  BOOST_TEST(figures(all, directory).empty());

  for (int seed = 0; seed < 2; ++seed) {
    std::filesystem::create_directories(directory.cell("tree", seed));
    MetricsFile metrics(directory.cell("tree", seed) / "metrics.csv");
    for (int epoch = 0; epoch < 3 + seed; ++epoch) {
      metrics.append(epoch, {{"loss", 1}, {"validation_accuracy", 80 + epoch + 10 * seed}, {"train_accuracy", NAN}});
    }
  }
  const std::vector<Figure> drawn = figures(all, directory);
  BOOST_REQUIRE(drawn.size() == 1u);
  BOOST_TEST(drawn[0].name == "accuracy");
  BOOST_REQUIRE(drawn[0].panels.size() == 1u);
  BOOST_REQUIRE(drawn[0].panels[0].lines.size() == 1u);  // none of the training: it has no values
  const Line& line = drawn[0].panels[0].lines[0];
  BOOST_TEST(line.title == "tree");
  const std::vector<double> x = {1, 2, 3}, y = {85, 86, 87};
  BOOST_TEST(line.x == x, boost::test_tools::per_element());
  BOOST_TEST(line.y == y, boost::test_tools::per_element());
  const std::string svg = to_svg(drawn[0]);
  BOOST_TEST(svg.find("<svg") != std::string::npos);
  BOOST_TEST(svg.find(">epoch<") != std::string::npos);
  BOOST_TEST(svg.find(">tree<") != std::string::npos);
  BOOST_TEST(to_svg(drawn[0]) == svg);
  BOOST_TEST(to_html(all, directory).find(">tree<") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(entropies_over_the_steps) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  std::filesystem::create_directories(directory.cell("tree", 0));
  MetricsFile entropies(directory.cell("tree", 0) / "entropies.csv", "step", 20);
  for (int step = 0; step < 100; step += 20) {
    entropies.append(step, {{"entropy_level_0", 0.5},
                            {"entropy_level_1", 0.25},
                            {"entropy_node_0", 0.5},
                            {"entropy_node_1", 0.125},
                            {"entropy_node_2", 0.375}});
  }
  const Json all = harness::report(directory, experiment(), resolve(experiment(), "quick", 1, "tree", {}));
  const std::vector<Figure> drawn = figures(all, directory);
  BOOST_REQUIRE(drawn.size() == 1u);
  BOOST_TEST(drawn[0].name == "entropies-tree-0");
  const std::vector<Line>& lines = drawn[0].panels[0].lines;
  BOOST_REQUIRE(lines.size() == 5u);  // the nodes, then the levels above them
  BOOST_TEST(lines[1].y[0] == 0.125);
  BOOST_TEST(lines[1].colour == lines[2].colour);
  BOOST_TEST(lines[1].colour == lines[4].colour);
  BOOST_TEST(lines[0].colour == lines[3].colour);
  BOOST_TEST(lines[3].title == "level 0");
  BOOST_TEST(lines[3].x.back() == 80);
  BOOST_TEST(to_svg(drawn[0]).find(">level 1<") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(gnuplot_takes_any_text) {
  const Figure figure{.name = "a",
                      .title = "it's \"quoted\" $x @y `ls` {a} \\ %d\n<b>",
                      .x_label = "x",
                      .y_label = "y",
                      .legend = "top right",
                      .panels = {{.title = "", .lines = {{.title = "l", .colour = "#000000", .x = {1}, .y = {2}}}}}};
  const std::string svg = to_svg(figure);
  BOOST_TEST(svg.find("it's") != std::string::npos, svg);
  BOOST_TEST(svg.find("`ls` {a} \\ %d &lt;b>") != std::string::npos, svg);
  BOOST_CHECK_EXCEPTION(
      to_svg({.name = "a", .title = "", .x_label = "", .y_label = "", .legend = "nowhere", .panels = {}}), Error,
      test::speaks_of("gnuplot"));
}

BOOST_AUTO_TEST_SUITE_END()
