// What a report draws.
#include <algorithm>
#include <cmath>

#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/gnuplot.hpp>
#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/harness/plots.hpp>
#include <canopy/experiments/harness/report.hpp>
#include <canopy/experiments/training/entropy_figures.hpp>

#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "programs/reported.hpp"
#include "support/errors.hpp"

using namespace canopy;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(report_figures)

using reported::experiment;
using reported::regression;

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
