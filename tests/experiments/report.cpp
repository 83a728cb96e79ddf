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
#include <canopy/experiments/training/classification.hpp>
#include <canopy/experiments/training/entropy_figures.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "support/errors.hpp"

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
          .measures = training::classification_measures(),
          .timing = {},
          .paper_numbers = [](const Cell& cell) -> std::map<std::string, double> {
            if (cell.name == "plain") return {};
            return {{"g_a", 94.9}, {"speedup", 3.39}};
          },
          .columns = {"m_a", "g_a", "leaves_used", "maximum_leaf_load", "speedup"}};
}

// Nothing of it is a classification: an error in metres, less of which is better, and cells with other labels or none.
Experiment regression() {
  return {.name = "own/regression",
          .paper = "a paper",
          .artefact = "Table 0",
          .settings = {},
          .presets = {{.name = "quick", .seconds = 1, .seeds = 3, .changes = {}}},
          .cells =
              [](const Settings&) {
                return std::vector<Cell>{{.name = "forest", .labels = {{"trees", 4}}}, {.name = "mean"}};
              },
          .run = {},
          .measures =
              {.metrics =
                   {{.name = "rmse", .title = "RMSE", .unit = "m", .digits = 3, .better = Better::lower, .main = true},
                    {.name = "bias", .better = Better::neither},
                    {.name = "branches", .digits = 1, .whole = true, .of = "all"},
                    {.name = "all", .whole = true}},
               .remarks = {{.word = "LARGE",
                            .explanation = "the error is over 0.65.",
                            .applies =
                                [](const Result& result) {
                                  return real(*result.metrics.find("rmse")).value_or(0) > 0.65;
                                }}},
               .charts = {{.name = "error", .unit = "m", .curves = {{.column = "rmse"}}}}},
          .paper_numbers = [](const Cell& cell) -> std::map<std::string, double> {
            if (cell.name != "forest") return {};
            return {{"rmse", 0.375}};
          },
          .columns = {"rmse", "bias", "branches"}};
}

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

BOOST_AUTO_TEST_CASE(curves_with_the_band_of_the_seeds) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  Experiment recipes = experiment();
  recipes.cells = [](const Settings&) {
    const auto cell = [](const char* name, std::int64_t width, const char* recipe) {
      return Cell{.name = name, .labels = {{"dataset", "idx:/a/b c"}, {"training_width", width}, {"recipe", recipe}}};
    };
    return std::vector<Cell>{cell("tree", 8, "x"), cell("other", 8, "y"), cell("wide", 16, "x")};
  };
  const auto drawn_now = [&] {
    return figures(harness::report(directory, recipes, resolve(recipes, "quick", 2, "", {})), recipes, directory);
  };
  BOOST_TEST(drawn_now().empty());

  for (const char* cell : {"tree", "other", "wide"}) {
    for (int seed = 0; seed < 2; ++seed) {
      std::filesystem::create_directories(directory.cell(cell, seed));
      MetricsFile metrics(directory.cell(cell, seed) / "metrics.csv");
      for (int epoch = 0; epoch < 3 + seed; ++epoch) {
        metrics.append(epoch, {{"loss", 1}, {"validation_accuracy", 80 + epoch + 10 * seed}, {"train_accuracy", NAN}});
      }
    }
  }
  const std::vector<Figure> drawn = drawn_now();
  BOOST_REQUIRE(drawn.size() == 1u);  // both recipes and widths in one figure; nothing has a clock
  BOOST_TEST(drawn[0].name == "accuracy-b-c");
  BOOST_TEST(drawn[0].y_label == "accuracy %: validation, dashed train");
  BOOST_REQUIRE(drawn[0].panels.size() == 2u);
  BOOST_TEST(drawn[0].panels[0].title == "training width 8");
  BOOST_REQUIRE(drawn[0].panels[0].lines.size() == 2u);  // none of the training: it has no values
  BOOST_TEST(drawn[0].panels[0].lines[1].title == "other");
  BOOST_TEST(drawn[0].panels[1].lines.size() == 1u);
  const Line& line = drawn[0].panels[0].lines[0];
  BOOST_TEST(line.title == "tree");
  const std::vector<double> x = {1, 2, 3}, y = {85, 86, 87}, low = {80, 81, 82}, high = {90, 91, 92};
  BOOST_TEST(line.x == x, boost::test_tools::per_element());
  BOOST_TEST(line.y == y, boost::test_tools::per_element());
  BOOST_TEST(line.low == low, boost::test_tools::per_element());
  BOOST_TEST(line.high == high, boost::test_tools::per_element());
  const std::string svg = to_svg(drawn[0]);
  for (const char* words : {"<svg", ">epoch<", ">tree<", ">other<", "fill-opacity"}) {
    BOOST_TEST(svg.find(words) != std::string::npos, words);
  }
  BOOST_TEST(to_svg(drawn[0]) == svg);

  // Only one seed of one cell has a clock: that is what is drawn against seconds.
  MetricsFile clock(directory.cell("tree", 1) / "clock.csv");
  for (int epoch = 0; epoch < 4; ++epoch) clock.append(epoch, {{"seconds", 0.5 * (epoch + 1)}});
  const std::vector<Figure> timed = drawn_now();
  BOOST_REQUIRE(timed.size() == 2u);
  BOOST_TEST(timed[1].name == "accuracy-seconds-b-c");
  BOOST_TEST(timed[1].x_label == "seconds of training");
  BOOST_REQUIRE(timed[1].panels.size() == 1u);
  BOOST_REQUIRE(timed[1].panels[0].lines.size() == 1u);
  const std::vector<double> seconds = {0.5, 1, 1.5, 2}, accuracies = {90, 91, 92, 93};
  BOOST_TEST(timed[1].panels[0].lines[0].x == seconds, boost::test_tools::per_element());
  BOOST_TEST(timed[1].panels[0].lines[0].y == accuracies, boost::test_tools::per_element());
  BOOST_TEST(timed[1].panels[0].lines[0].low.empty());
}

BOOST_AUTO_TEST_CASE(curves_of_any_metric_over_steps) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  std::filesystem::create_directories(directory.cell("forest", 0));
  MetricsFile metrics(directory.cell("forest", 0) / "metrics.csv", "step", 50);
  for (int step = 0; step < 200; step += 50) metrics.append(step, {{"rmse", 1. / (step + 50)}, {"other", 1}});
  const Experiment own = regression();
  const std::vector<Figure> drawn =
      figures(harness::report(directory, own, resolve(own, "quick", 1, "", {})), own, directory);
  BOOST_REQUIRE(drawn.size() == 1u);
  BOOST_TEST(drawn[0].name == "error");
  BOOST_TEST(drawn[0].title == "own/regression");
  BOOST_TEST(drawn[0].x_label == "step");
  BOOST_TEST(drawn[0].y_label == "error m: RMSE");
  BOOST_TEST(drawn[0].legend == "top right");  // it falls
  const std::vector<double> x = {50, 100, 150, 200};
  BOOST_TEST(drawn[0].panels[0].lines[0].x == x, boost::test_tools::per_element());
  BOOST_TEST(to_svg(drawn[0]).find(">step<") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(figures_do_not_take_each_other_s_place) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  Experiment twins = experiment();
  twins.cells = [](const Settings&) {
    return std::vector<Cell>{{.name = "a", .labels = {{"dataset", "idx:one/digits"}}},
                             {.name = "b", .labels = {{"dataset", "idx:two/digits"}}}};
  };
  for (const char* cell : {"a", "b"}) {
    std::filesystem::create_directories(directory.cell(cell, 0));
    MetricsFile(directory.cell(cell, 0) / "metrics.csv").append(0, {{"validation_accuracy", 80}});
  }
  const std::vector<Figure> drawn =
      figures(harness::report(directory, twins, resolve(twins, "quick", 1, "", {})), twins, directory);
  BOOST_REQUIRE(drawn.size() == 2u);
  BOOST_TEST(drawn[0].name == "accuracy-digits");
  BOOST_TEST(drawn[1].name == "accuracy-digits-2");
}

BOOST_AUTO_TEST_CASE(a_legend_says_what_differs) {
  const program::Folder folder;
  const RunDirectory directory{folder / "run"};
  Experiment grid = experiment();
  std::vector<Cell> cells;
  for (int i = 0; i < 20; ++i) cells.push_back({.name = fmt::format("mnist-fff-w16-x{}", i)});
  grid.cells = [&](const Settings&) { return cells; };
  const auto draw = [&] {
    for (const Cell& cell : cells) {
      std::filesystem::create_directories(directory.cell(cell.name, 0));
      MetricsFile(directory.cell(cell.name, 0) / "metrics.csv").append(0, {{"validation_accuracy", 80}});
    }
    return figures(harness::report(directory, grid, resolve(grid, "quick", 1, "", {})), grid, directory).at(0);
  };
  const Figure many = draw();
  BOOST_TEST(many.panels[0].lines[19].title == "x19");
  BOOST_TEST(to_svg(many).find(">x19<") != std::string::npos);
  cells = {{.name = "mnist-ff-w16"}, {.name = "mnist-fff-w16"}};
  BOOST_TEST(draw().panels[0].lines[1].title == "fff-w16");
  cells = {{.name = "tree"}, {.name = "tree-2"}};
  BOOST_TEST(draw().panels[0].lines[1].title == "tree-2");
  cells = {{.name = "mnist-ff-w16"}};
  BOOST_TEST(draw().panels[0].lines[0].title == "mnist-ff-w16");
}

BOOST_AUTO_TEST_CASE(entropies_over_the_steps) {
  const program::Folder folder;
  MetricsFile entropies(folder / "entropies.csv", "step", 20);
  BOOST_TEST(training::entropy_figures(folder.path(), "tree", 0).empty());
  for (int step = 0; step < 100; step += 20) {
    entropies.append(step, {{"entropy_level_0", 0.5},
                            {"entropy_level_1", 0.25},
                            {"entropy_node_0", 0.5},
                            {"entropy_node_1", 0.125},
                            {"entropy_node_2", 0.375}});
  }
  const std::vector<Figure> drawn = training::entropy_figures(folder.path(), "tree", 0);
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
