#include <canopy/experiments/harness/result.hpp>

#include <limits>

#include <canopy/core/file.hpp>
#include <canopy/experiments/experiments.hpp>
#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/harness/run_directory.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "support/errors.hpp"

namespace fs = std::filesystem;
using namespace canopy;
using namespace canopy::harness;
using canopy::test::speaks_of;

BOOST_AUTO_TEST_SUITE(result)

namespace {

std::string written(const Result& result) { return to_json(result).dump(2) + "\n"; }

}  // namespace

BOOST_AUTO_TEST_CASE(values_keep_the_order_of_their_names) {
  Named<int> named = {{"b", 1}, {"a", 2}, {"b", 3}};
  named["c"] = 4;
  named["a"] = 5;
  BOOST_TEST(*named.find("b") == 3);
  BOOST_TEST((named.find("d") == nullptr));
  std::string order;
  for (const auto& [name, value] : named) order += name + std::to_string(value);
  BOOST_TEST(order == "b3a5c4");
}

BOOST_AUTO_TEST_CASE(labels_have_types) {
  const Labels labels = {{"dataset", "mnist"}, {"depth", 4}, {"trees", {}}, {"leaves", label(std::nullopt)}};
  BOOST_TEST(labels.text("dataset") == "mnist");
  BOOST_TEST(labels.number("depth").value() == 4);
  BOOST_TEST(!labels.number("trees"));
  BOOST_TEST(!labels.number("leaves"));
  BOOST_CHECK_EXCEPTION(labels.text("depth"), ConfigError, speaks_of("\"depth\""));
  BOOST_CHECK_EXCEPTION(labels.text("trees"), ConfigError, speaks_of("\"trees\""));
  BOOST_CHECK_EXCEPTION(labels.number("dataset"), ConfigError, speaks_of("\"dataset\""));
  BOOST_CHECK_EXCEPTION(labels.number("dept"), ConfigError, speaks_of("\"dept\""));
}

BOOST_AUTO_TEST_CASE(results_survive_their_file) {
  Result result{.experiment = "fake/count", .cell = "one", .seed = 3, .labels = {{"dataset", "a"}, {"depth", {}}}};
  result.metrics["epochs"] = 3;
  result.metrics["ett"] = 3.0;
  result.metrics["none"] = {};
  result.metrics["rmse"] = 1. / 3;
  result.metrics["entropy"] = std::numeric_limits<double>::quiet_NaN();
  const std::string text = to_json(result).dump();
  BOOST_TEST(text ==
             R"({"experiment":"fake/count","cell":"one","seed":3,"dataset":"a","depth":null,"epochs":3,"ett":3.0,)"
             R"("none":null,"rmse":0.3333333333333333,"entropy":null,"status":"done"})");
  const Result read = result_from_json(Json::parse(text), result.labels, "text");
  BOOST_TEST(to_json(read).dump() == text);
  BOOST_CHECK(read.labels == result.labels);
  BOOST_TEST(*real(*read.metrics.find("rmse")) == 1. / 3);
  BOOST_TEST(!real(*read.metrics.find("entropy")));

  // What nobody knows is passed over, or kept where it is a number.
  Json more = Json::parse(text);
  more["note"] = "x";
  more["list"] = {1, 2};
  more["flag"] = true;
  more["mae"] = 0.25;
  const Result other = result_from_json(more, result.labels, "text");
  BOOST_TEST(*real(*other.metrics.find("mae")) == 0.25);
  for (const char* name : {"note", "list", "flag", "status", "seed", "depth"}) {
    BOOST_TEST((other.metrics.find(name) == nullptr), name);
  }
  more["depth"] = 1.5;
  BOOST_CHECK_EXCEPTION(result_from_json(more, result.labels, "text"), DataError, speaks_of("\"depth\""));

  const program::Folder folder;
  BOOST_CHECK(!read_result(folder / "absent", {}));
}

BOOST_AUTO_TEST_CASE(every_measured_result_is_written_as_it_was) {
  std::size_t results = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(CANOPY_RESULTS)) {
    if (entry.path().filename() != "config.toml") continue;
    const RunDirectory run{entry.path().parent_path()};
    const Configuration configuration = read_configuration(entry.path(), experiments());
    const Experiment& experiment = find_experiment(experiments(), configuration.experiment);
    for (const Cell& cell : selected_cells(experiment, configuration)) {
      for (std::int64_t seed = 0; seed < configuration.seeds; ++seed) {
        const auto result = read_result(run.cell(cell.name, seed), cell.labels);
        if (!result) continue;
        const fs::path file = run.cell(cell.name, seed) / "result.json";
        if (written(*result) != read_file(file)) BOOST_ERROR(file << " becomes " << written(*result));
        // What a resumed run would write of it has these labels and metrics, in this order.
        if (!(result->labels == cell.labels)) BOOST_ERROR(file << " has other labels than its cell");
        auto metric = experiment.measures.metrics.begin();
        for (const auto& [name, value] : result->metrics) {
          while (metric != experiment.measures.metrics.end() && metric->timed) ++metric;
          if (metric == experiment.measures.metrics.end() || metric++->name != name) {
            BOOST_ERROR(file << ": " << name << " is not in its place");
          }
        }
        ++results;
      }
    }
  }
  std::size_t files = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(CANOPY_RESULTS)) {
    files += entry.path().filename() == "result.json";
  }
  BOOST_TEST(results == files);
  BOOST_TEST(results > 1000u);
}

BOOST_AUTO_TEST_SUITE_END()
