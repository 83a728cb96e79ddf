#include <canopy/experiments/harness/run_directory.hpp>

#include <fstream>
#include <limits>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/experiments/harness/metrics.hpp>
#include <canopy/experiments/harness/report.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "support/errors.hpp"

using namespace canopy;
using namespace canopy::harness;
using canopy::test::speaks_of;

BOOST_AUTO_TEST_SUITE(run_directory)

namespace {

Experiment experiment() {
  return {.name = "fake/count",
          .paper = "",
          .artefact = "",
          .settings = {{"epochs", 20},
                       {"h", 3.0},
                       {"limit", std::numeric_limits<double>::infinity()},
                       {"widths", Integers{16, 128}},
                       {"rate", automatic<double>()},
                       {"recipe", "a \"quoted\" one"}},
          .presets = {{.name = "quick", .seconds = 1, .seeds = 2, .changes = {{"epochs", 3}}}},
          .cells =
              [](const Settings&) {
                return std::vector<Cell>{{.name = "one"}, {.name = "two"}};
              },
          .run = {},
          .timing = {},
          .paper_numbers = {}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(configurations_resolve) {
  const Configuration c = resolve(experiment(), "quick", 0, "", {"h=inf"});
  BOOST_TEST(c.seeds == 2);
  BOOST_TEST(c.settings.get<std::int64_t>("epochs") == 3);
  BOOST_TEST(resolve(experiment(), "quick", 7, "", {}).seeds == 7);
  BOOST_CHECK_EXCEPTION(resolve(experiment(), "fast", 0, "", {}), ConfigError, speaks_of("known are: quick"));
  BOOST_TEST(selected_cells(experiment(), resolve(experiment(), "quick", 0, "t*", {})).size() == 1u);
  BOOST_CHECK_EXCEPTION(selected_cells(experiment(), resolve(experiment(), "quick", 0, "x*", {})), ConfigError,
                        speaks_of("one, two"));
  Experiment twice = experiment();
  twice.cells = [](const Settings&) { return std::vector<Cell>{{.name = "one"}, {.name = "one"}}; };
  BOOST_CHECK_THROW(selected_cells(twice, c), ConfigError);
  twice.cells = [](const Settings&) { return std::vector<Cell>{{.name = "../one"}}; };
  BOOST_CHECK_THROW(selected_cells(twice, c), ConfigError);
}

BOOST_AUTO_TEST_CASE(the_file_holds_the_configuration) {
  const program::Folder folder;
  const auto file = folder / "config.toml";
  const Configuration c = resolve(experiment(), "quick", 0, "one", {"h=0.1"});
  write_file(file, to_toml(c));
  BOOST_TEST(differences(file, c).empty());
  const Configuration read = read_configuration(file, {experiment()});
  BOOST_CHECK(read.settings == c.settings);
  BOOST_TEST(read.only == "one");
  BOOST_TEST(read.seeds == 2);

  const auto found = differences(file, resolve(experiment(), "quick", 3, "one", {"h=0.1", "widths=16"}));
  BOOST_REQUIRE(found.size() == 2u);
  BOOST_TEST(found[0] == "seeds is \"2\" there and \"3\" here");
  BOOST_TEST(found[1] == "settings.widths is \"16,128\" there and \"16\" here");

  // A later version of the experiment has more settings.
  Experiment later = experiment();
  auto entries = later.settings.entries();
  entries.emplace_back("momentum", automatic<double>());
  later.settings = Settings(entries);
  BOOST_TEST(differences(file, resolve(later, "quick", 0, "one", {"h=0.1"})).empty());
  BOOST_TEST(differences(file, resolve(later, "quick", 0, "one", {"h=0.1", "momentum=0.9"})).size() == 1u);

  write_file(file, "experiment = [");
  BOOST_CHECK_THROW(read_configuration(file, {experiment()}), DataError);
  write_file(file, "experiment = \"fake/count\"\n");
  BOOST_CHECK_THROW(read_configuration(file, {experiment()}), DataError);
  write_file(file, "experiment = \"fake/other\"\n");
  BOOST_CHECK_THROW(read_configuration(file, {experiment()}), ConfigError);
  BOOST_CHECK_THROW(read_configuration(folder / "absent", {experiment()}), DataError);
}

BOOST_AUTO_TEST_CASE(a_directory_belongs_to_one_configuration) {
  const program::Folder folder;
  const Configuration c = resolve(experiment(), "quick", 0, "", {});
  const RunDirectory run{folder / "run"};
  check_claim(run, c, false);
  check_claim(run, c, true);
  std::filesystem::create_directories(run.root);
  check_claim(run, c, false);
  write_file(run.configuration(), to_toml(c));
  BOOST_CHECK_EXCEPTION(check_claim(run, c, false), ConfigError, speaks_of("--resume"));
  check_claim(run, c, true);
  const Configuration other = resolve(experiment(), "quick", 0, "", {"epochs=4"});
  BOOST_CHECK_EXCEPTION(check_claim(run, other, true), ConfigError,
                        speaks_of("settings.epochs is \"3\" there and \"4\" here"));

  const RunDirectory strange{folder / "strange"};
  std::filesystem::create_directories(strange.root / "photos");
  BOOST_CHECK_EXCEPTION(check_claim(strange, c, true), ConfigError, speaks_of("not a run"));
}

BOOST_AUTO_TEST_CASE(one_writer_at_a_time) {
  const program::Folder folder;
  const RunDirectory run{folder / "run"};
  {
    const RunLock lock(run);
    BOOST_CHECK_EXCEPTION(RunLock second(run), ConfigError, speaks_of(std::to_string(::getpid())));
  }
  const RunLock again(run);
}

BOOST_AUTO_TEST_CASE(the_environments_of_all_who_worked_on_a_run_are_kept) {
  const program::Folder folder;
  const RunDirectory run{folder / "run"};
  std::filesystem::create_directories(run.root);
  write_environment(run);
  write_environment(run);
  const Json here = read_json(run.environment());
  BOOST_TEST(!here.contains("earlier"));
  Json other = here;
  other["cpu"] = "another";
  write_file(run.environment(), other.dump());
  write_environment(run);
  const Json both = read_json(run.environment());
  BOOST_CHECK(both["cpu"] == here["cpu"]);
  BOOST_CHECK(both["earlier"] == Json::array({other}));
}

BOOST_AUTO_TEST_CASE(state_files_of_another_kind_are_named) {
  const program::Folder folder;
  const RunDirectory run{folder / "run"};
  std::filesystem::create_directories(run.cell("one", 0));
  const Configuration c = resolve(experiment(), "quick", 1, "one", {});
  const auto read = [&] { harness::report(run, experiment(), c); };
  for (const char* text : {"null", "[]", "3", "{", "", "\"x\"", "{\"rows\": 3}", "{\"rows\": [3]}", "{\"rows\": [{}]}",
                           "{\"rows\": [{\"cell\": 3}]}"}) {
    BOOST_TEST_CONTEXT(text) {
      write_file(run.timing(), text);
      BOOST_CHECK_EXCEPTION(read(), DataError, speaks_of("timing.json"));
    }
  }
  std::filesystem::remove(run.timing());
  for (const char* text : {"null", "[]", "{", "", "{}", "{\"earlier\": null}", "{\"earlier\": [3]}"}) {
    BOOST_TEST_CONTEXT(text) {
      write_file(run.environment(), text);
      if (text == std::string("{}")) {
        write_environment(run);
      } else {
        BOOST_CHECK_EXCEPTION(write_environment(run), DataError, speaks_of("environment.json"));
      }
    }
  }
  for (const char* text :
       {"null", "[]", "{}", "{\"experiment\": 3}", R"({"experiment": "", "cell": "", "seed": 1.5, "status": ""})",
        R"({"experiment": "", "cell": "", "seed": 0})"}) {
    BOOST_TEST_CONTEXT(text) {
      write_file(run.cell("one", 0) / "result.json", text);
      BOOST_CHECK_EXCEPTION(read(), DataError, speaks_of("result.json"));
    }
  }
  for (const char* text : {"null\n", "[]\n", "epoch,loss\n1\n", "epoch,loss\n0,1\n1,\n", "epoch,loss\n0,x\n",
                           "epoch,loss\n0,1,2\n", "epoch,loss\n\n"}) {
    BOOST_TEST_CONTEXT(text) {
      const auto file = run.cell("one", 0) / "metrics.csv";
      write_file(file, text);
      BOOST_CHECK_EXCEPTION(read_metrics(file), DataError, speaks_of("metrics.csv"));
    }
  }
  std::filesystem::remove(run.cell("one", 0) / "metrics.csv");
  std::filesystem::create_directories(run.cell("one", 0) / "metrics.csv");
  BOOST_CHECK_EXCEPTION(read_metrics(run.cell("one", 0) / "metrics.csv"), DataError, speaks_of("metrics.csv"));
  for (const char* line :
       {"seeds = 0", "seeds = -1", "seeds = 99999999999", "seeds = \"x\"", "seeds = 1.5", "only = \"none such\"",
        "preset = 3", "settings = {epochs = \"many\"}", "settings = {h = [1, 2]}", "settings = {h = 1979-05-27}"}) {
    BOOST_TEST_CONTEXT(line) {
      const std::string key = std::string(line).substr(0, std::string(line).find(' '));
      std::string text;
      for (const char* other : {"experiment = \"fake/count\"", "preset = \"quick\"", "seeds = 1", "only = \"\""}) {
        if (!std::string(other).starts_with(key + " ")) text += std::string(other) + "\n";
      }
      write_file(run.configuration(), text + line + "\n");
      BOOST_CHECK_EXCEPTION(read_configuration(run.configuration(), {experiment()}), DataError,
                            speaks_of("config.toml"));
    }
  }
  std::filesystem::remove(run.configuration());
  std::filesystem::remove(run.cell("one", 0) / "result.json");
  std::filesystem::create_directories(run.cell("one", 0) / "result.json");  // a folder in its place
  BOOST_CHECK_EXCEPTION(read(), DataError, speaks_of("result.json"));
  std::filesystem::create_directories(run.configuration());
  BOOST_CHECK_EXCEPTION(read_configuration(run.configuration(), {experiment()}), DataError, speaks_of("config.toml"));
}

BOOST_AUTO_TEST_CASE(names_that_would_share_a_field_are_refused) {
  const Configuration c = resolve(experiment(), "quick", 0, "", {});
  const auto refused = [&](const Experiment& wrong, const char* words) {
    BOOST_CHECK_EXCEPTION(selected_cells(wrong, c), ConfigError, speaks_of(words));
  };
  Experiment metrics = experiment();
  metrics.measures.metrics = {{.name = "depth"}};
  BOOST_TEST(selected_cells(metrics, c).size() == 2u);
  metrics.cells = [](const Settings&) { return std::vector<Cell>{{.name = "one", .labels = {{"depth", 3}}}}; };
  refused(metrics, "\"depth\"");
  metrics.measures.metrics = {{.name = "status"}};
  refused(metrics, "\"status\"");
  metrics.measures.metrics = {{.name = "rmse"}, {.name = "rmse"}};
  refused(metrics, "\"rmse\"");
  metrics.measures = {.metrics = {{.name = "flat"}}, .remarks = {{.word = "FLAT", .explanation = "", .applies = {}}}};
  refused(metrics, "\"flat\"");
  Experiment columns = experiment();
  columns.columns = {"rmse"};
  refused(columns, "\"rmse\"");
}

BOOST_AUTO_TEST_SUITE_END()
