#include <canopy/experiments/harness/expect.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::harness;

BOOST_AUTO_TEST_SUITE(expect)

namespace {

const std::vector<NamedRow> rows = {
    {"mnist-ff", {{"g_a", {{"mean", 98.0}, {"sd", 0.5}, {"best", 98.5}, {"seeds", 2}}}, {"ratio", nullptr}}},
    {"mnist-fff", {{"g_a", {{"mean", 95.0}, {"sd", nullptr}, {"best", 95.5}, {"seeds", 1}}}, {"ratio", 1.25}}}};

void check_all(const std::vector<std::string>& texts) { check(parse_expectations(texts), rows); }

}  // namespace

BOOST_AUTO_TEST_CASE(forms) {
  const Expectation e = parse_expectation("ff 3072-1024-10 [x]:ratio!=-1.5e1");
  BOOST_TEST(e.pattern == "ff 3072-1024-10 [x]");
  BOOST_TEST(e.field == "ratio");
  BOOST_TEST(e.comparison == "!=");
  BOOST_TEST(e.value == -15.);
  BOOST_TEST(parse_expectation("accuracy<5").pattern == "*");
  for (const char* bad : {"", "a:b", "a:b=1", "a:b>=", "a:b>=x", "a:>=1", ":b>=1", "a:b=>1", "a:b>=1x", ">=1"}) {
    BOOST_TEST_CONTEXT(bad) { BOOST_CHECK_THROW(parse_expectation(bad), ConfigError); }
  }
}

BOOST_AUTO_TEST_CASE(kept_and_missed) {
  check_all({"mnist-*:g_a>=95", "mnist-ff:g_a.best==98.5", "mnist-fff:ratio<=1.25", "g_a>94.9", "g_a.seeds<3",
             "mnist-ff:g_a!=97", "mnist-ff:g_a<98.1"});
  for (const char* missed : {"g_a>=96", "g_a>95", "g_a<95", "g_a.best!=98.5", "mnist-ff:g_a==97.9", "g_a<=97"}) {
    BOOST_TEST_CONTEXT(missed) { BOOST_CHECK_THROW(check_all({missed}), ExpectationMissed); }
  }
  BOOST_CHECK_EXCEPTION(check_all({"g_a>=96", "mnist-ff:ratio>=1"}), ExpectationMissed, [](const Error& error) {
    const std::string text = error.what();
    return text.find("mnist-fff has 95") != std::string::npos &&
           text.find("mnist-ff has no value") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(names_that_do_not_exist) {
  BOOST_CHECK_THROW(check_all({"usps-*:g_a>=1"}), ConfigError);
  BOOST_CHECK_THROW(check_all({"g_b>=1"}), ConfigError);
  BOOST_CHECK_THROW(check_all({"g_a.median>=1"}), ConfigError);
  check_names(parse_expectations({"mnist-ff:ratio>=1"}), rows);  // a null is no missing field
}

BOOST_AUTO_TEST_SUITE_END()
