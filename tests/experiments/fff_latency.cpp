#include <canopy/experiments/benchmark/fff_latency.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

#include "programs/program.hpp"

using namespace canopy;
using benchmark::Row;

BOOST_AUTO_TEST_SUITE(fff_latency)

BOOST_AUTO_TEST_CASE(a_row_for_each_tree_and_batch) {
  const ThreadGuard guard(1);
  const std::vector<Row> rows = benchmark::fff_latency().run({.only = "fff depth 4 ", .repeats = 40});
  std::set<std::pair<std::string, std::int64_t>> found;
  for (const Row& row : rows) {
    found.emplace(row.name, row.batch);
    const harness::Json json = benchmark::to_json(row);
    const auto field = [&](const char* name) { return json.at(name).get<double>(); };
    BOOST_TEST(json.at("repetitions").get<int>() == 40);
    BOOST_TEST(json.at("leaves").get<int>() == 16);
    BOOST_TEST(field("milliseconds") > 0);
    BOOST_TEST(field("p99") > 0.999 * field("milliseconds"));  // as rounded
    BOOST_TEST(field("cold") > 0);
    BOOST_TEST(field("baseline") > 0);
  }
  BOOST_TEST(rows.size() == found.size());
  std::set<std::pair<std::string, std::int64_t>> expected;
  for (const char* name : {"fff depth 4 outputs 10", "fff depth 4 outputs 64", "fff depth 4 outputs 768"}) {
    for (const std::int64_t batch : {1, 16}) expected.emplace(name, batch);
  }
  BOOST_TEST((found == expected));
}

BOOST_AUTO_TEST_CASE(the_driver_checks_its_promises) {
  const auto bench = [](const char* promise) {
    return program::run(CANOPY_DRIVER, {"bench", "fff-latency", "--threads", "1", "--only", "fff depth 4 outputs 10",
                                        "--repeats", "20", "--json", "--expect", promise});
  };
  const program::Outcome kept = bench("fff depth 4 outputs 10:milliseconds<=10");
  BOOST_TEST(kept.exit_code == 0, kept.err);
  BOOST_TEST(harness::Json::parse(kept.out)["rows"].size() == 2u);
  BOOST_TEST(bench("fff depth 4 outputs 10:p99<=0").exit_code == 4);
}

BOOST_AUTO_TEST_SUITE_END()
