#include <canopy/experiments/harness/metrics.hpp>

#include <chrono>
#include <fstream>
#include <limits>
#include <thread>

#include <canopy/core/array.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"
#include "support/errors.hpp"

using namespace canopy;
using namespace canopy::harness;
using test::speaks_of;

BOOST_AUTO_TEST_SUITE(metrics)

namespace {

MetricsFile::Columns columns(double loss) { return {{"loss", loss}, {"accuracy", 95}}; }

}  // namespace

BOOST_AUTO_TEST_CASE(rows_past_the_checkpoint_are_cut) {
  const program::Folder folder;
  const auto file = folder / "metrics.csv";
  MetricsFile first(file);
  first.append(0, columns(0.1));
  first.append(1, columns(1. / 3));
  first.append(2, columns(0.25));
  BOOST_TEST(program::content(file) == "epoch,loss,accuracy\n0,0.1,95\n1,0.3333333333333333,95\n2,0.25,95\n");
  std::ofstream(file, std::ios::app) << "3,0.2";  // never finished

  MetricsFile resumed(file);
  resumed.append(2, columns(0.5));
  resumed.append(3, columns(0.125));
  BOOST_TEST(program::content(file) ==
             "epoch,loss,accuracy\n0,0.1,95\n1,0.3333333333333333,95\n2,0.5,95\n3,0.125,95\n");

  MetricsFile anew(file);
  anew.append(0, columns(std::numeric_limits<double>::quiet_NaN()));
  BOOST_TEST(program::content(file) == "epoch,loss,accuracy\n0,nan,95\n");
}

BOOST_AUTO_TEST_CASE(rows_that_the_checkpoint_counts_must_exist) {
  const program::Folder folder;
  MetricsFile(folder / "a.csv").append(0, columns(1));
  BOOST_CHECK_THROW(MetricsFile(folder / "a.csv").append(2, columns(1)), DataError);
  BOOST_CHECK_THROW(MetricsFile(folder / "absent.csv").append(1, columns(1)), DataError);
  std::ofstream(folder / "b.csv") << "epoch,loss\n0,1\n";
  BOOST_CHECK_THROW(MetricsFile(folder / "b.csv").append(1, columns(1)), DataError);
}

BOOST_AUTO_TEST_CASE(rows_are_required_where_a_checkpoint_counts_them) {
  const program::Folder folder;
  const auto file = folder / "metrics.csv";
  BOOST_CHECK_NO_THROW(require_rows(file, 0));
  BOOST_CHECK_EXCEPTION(require_rows(file, 1), DataError, speaks_of("metrics.csv"));
  std::ofstream(file) << "step,loss\n0,0.5\n50,0.25\n100,0.1";  // the last was never finished
  BOOST_CHECK_NO_THROW(require_rows(file, 2, 50));
  BOOST_CHECK_EXCEPTION(require_rows(file, 3, 50), DataError, speaks_of("the row of step 100 is missing"));
  BOOST_CHECK_EXCEPTION(require_rows(file, 2, 1), DataError, speaks_of("the row of step 1 is missing"));
  std::ofstream(file) << "garbage";
  BOOST_CHECK_NO_THROW(require_rows(file, 0));  // a training from the start cuts it
  BOOST_CHECK_THROW(require_rows(file, 1), DataError);
  std::ofstream(file) << "epoch,loss\n0,garbage\n";
  BOOST_CHECK_THROW(require_rows(file, 1), DataError);
}

BOOST_AUTO_TEST_CASE(reading_skips_the_unfinished_row) {
  const program::Folder folder;
  BOOST_TEST(read_metrics(folder / "absent.csv").empty());
  std::ofstream(folder / "a.csv") << "epoch,loss\n0,0.5\n1,nan\n2,0.1";
  const auto columns = read_metrics(folder / "a.csv");
  BOOST_REQUIRE(columns.size() == 2u);
  BOOST_TEST(columns[1].first == "loss");
  BOOST_REQUIRE(columns[1].second.size() == 2u);
  BOOST_TEST(columns[1].second[0] == 0.5);
}

BOOST_AUTO_TEST_CASE(the_clock_goes_on_where_the_checkpoint_was) {
  const program::Folder folder;
  const auto file = folder / "clock.csv";
  const auto seconds = [&] { return read_metrics(file).at(1).second; };
  const auto rest = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  {
    ClockFile clock(file);
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      rest();
      clock.append({.number = epoch});
    }
  }
  const std::vector<double> before = seconds();
  BOOST_REQUIRE(before.size() == 3u);
  BOOST_TEST(before[0] >= 0.02);
  BOOST_TEST(before[2] >= 0.06);
  rest();  // while no process works on the cell, nothing is counted
  {
    ClockFile clock(file);
    rest();
    clock.append({.number = 2});
  }
  const std::vector<double> after = seconds();
  BOOST_REQUIRE(after.size() == 3u);
  BOOST_TEST(after[1] == before[1]);
  BOOST_TEST(after[2] >= before[1] + 0.02);
  BOOST_TEST(after[2] < before[1] + 10);

  // Where the clock of earlier rows is missing or damaged, there is none.
  for (const char* text : {"", "epoch,seconds,peak_mb\n0,1,9\n", "epoch,seconds,peak_mb\n0,1,9\n7,2,9\n",
                           "step,seconds,peak_mb\n0,1,9\n1,2,9\n", "epoch,seconds\n0,1\n1,2\n"}) {
    write_file(file, text);
    ClockFile clock(file);
    clock.append({.number = 2});
    clock.append({.number = 3});
    BOOST_TEST(!std::filesystem::exists(file), text);
  }
  ClockFile steps(file);
  steps.append({.number = 0, .unit = "step", .stride = 50});
  steps.append({.number = 50, .unit = "step", .stride = 50});
  BOOST_TEST(read_metrics(file).at(0).second.at(1) == 50);
}

BOOST_AUTO_TEST_CASE(the_clock_knows_speed_and_memory) {
  const program::Folder folder;
  const auto file = folder / "clock.csv";
  const Tensor most({1000, 1000});
  {
    ClockFile clock(file);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    BOOST_TEST(clock.append({.number = 0, .seen = {{"samples", 100}, {"tokens", 900}}}).ends_with(" samples/s"));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const double speed = std::stod(clock.append({.number = 1, .seen = {{"samples", 200}, {"tokens", 1700}}}));
    BOOST_TEST(speed <= 500);
    BOOST_TEST(speed > 10);
  }
  {
    ClockFile clock(file);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    BOOST_TEST(std::stod(clock.append({.number = 2, .seen = {{"samples", 300}, {"tokens", 2500}}})) <= 500);
  }
  const auto columns = read_metrics(file);
  BOOST_REQUIRE(columns.size() == 5u);
  BOOST_TEST(columns[1].first == "seconds");
  BOOST_TEST(columns[2].first == "samples");
  BOOST_TEST(columns[3].first == "tokens");
  BOOST_TEST(columns[3].second[2] == 2500);
  BOOST_TEST(columns[4].first == "peak_mb");
  BOOST_TEST(columns[4].second[0] >= 4);
}

BOOST_AUTO_TEST_SUITE_END()
