#include <canopy/experiments/harness/benchmark.hpp>

#include <string>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::benchmark;

BOOST_AUTO_TEST_SUITE(benchmark_table)

// Rows of one benchmark need not have the same fields.
BOOST_AUTO_TEST_CASE(every_field_has_a_column) {
  Row first;
  first.name = "one";
  first.timing.milliseconds = 1;
  first.more = {{"tokens", 16}};
  Row second = first;
  second.name = "two";
  second.more = {{"tokens", 17}, {"peak_mb", 2.5}};
  const std::string text = to_text({.name = "own", .description = {}, .run = {}}, {first, second});
  const std::string heading = text.substr(0, text.find('\n'));
  BOOST_TEST(heading.find("tokens") < heading.find("peak_mb"), text);
  BOOST_TEST(heading.find("peak_mb") != std::string::npos, text);
  BOOST_TEST(text.find("2.5") != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE_END()
