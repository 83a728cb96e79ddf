// The runs that are committed with their results: each is read and continued by this version.
#include <set>

#include <boost/test/unit_test.hpp>
#include <canopy/experiments/experiments.hpp>
#include <canopy/experiments/harness/configuration.hpp>
#include <canopy/experiments/harness/report.hpp>

namespace fs = std::filesystem;
using namespace canopy;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(measured_results)

BOOST_AUTO_TEST_CASE(each_run_is_read_and_can_be_continued) {
  std::set<std::string> measured;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(CANOPY_RESULTS)) {
    if (entry.path().filename() != "config.toml") continue;
    BOOST_TEST_CONTEXT(entry.path()) {
      const RunDirectory run{entry.path().parent_path()};
      const Configuration configuration = read_configuration(entry.path(), experiments());
      BOOST_TEST(differences(entry.path(), configuration).empty());
      BOOST_TEST(fs::exists(run.environment()));
      BOOST_TEST(fs::exists(run.root.parent_path() / "RESULTS.md"));
      const Experiment& experiment = find_experiment(experiments(), configuration.experiment);
      std::int64_t seeds = 0;
      const Report all = report(run, experiment, configuration);
      for (const ReportRow& row : all.rows) {
        seeds += row.seeds_done;
        BOOST_TEST(row.errors.empty());
        BOOST_TEST_CONTEXT(row.cell.name) { BOOST_TEST(row.noise.empty()); }
      }
      BOOST_TEST(seeds > 0);
      measured.insert(experiment.name);
    }
  }
  for (const Experiment& experiment : experiments()) {
    BOOST_TEST_CONTEXT(experiment.name) { BOOST_TEST(measured.contains(experiment.name)); }
  }
}

BOOST_AUTO_TEST_SUITE_END()
