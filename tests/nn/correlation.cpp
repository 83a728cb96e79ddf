#include <canopy/nn/correlation.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include <support/errors.hpp>
#include <support/reference_lines.hpp>

using namespace canopy;
using Numbers = std::vector<double>;

BOOST_AUTO_TEST_SUITE(correlation)

// SciPy's; null where it gives no number.
BOOST_AUTO_TEST_CASE(published_values) {
  int cases = 0;
  const nlohmann::json file = test::reference_json("glue_metrics.json");
  for (const auto& each : file.at("cases")) {
    if (each.at("kind") != "regression") continue;
    ++cases;
    const auto labels = each.at("labels").get<Numbers>(), predictions = each.at("predictions").get<Numbers>();
    BOOST_TEST_CONTEXT(each.at("name")) {
      const auto check = [](double found, const nlohmann::json& expected) {
        if (expected.is_null()) {
          BOOST_TEST(std::isnan(found));
        } else {
          BOOST_TEST(std::abs(found - expected.get<double>()) <= 1e-9);
        }
      };
      check(pearson_correlation(predictions, labels), each.at("pearson"));
      check(pearson_correlation(labels, predictions), each.at("pearson"));
      check(spearman_correlation(predictions, labels), each.at("spearman"));
      check(spearman_correlation(labels, predictions), each.at("spearman"));
    }
  }
  BOOST_TEST(cases > 10);
}

BOOST_AUTO_TEST_CASE(undefined) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const auto& [a, b] : {std::pair(Numbers{}, Numbers{}),
                             {Numbers{1}, Numbers{1}},
                             {Numbers{1, 1}, Numbers{1, 2}},
                             {Numbers{0.1, 0.1, 0.1}, Numbers{1, 2, 3}},
                             {Numbers{1, nan}, Numbers{1, 2}}}) {
    BOOST_TEST(std::isnan(pearson_correlation(a, b)));
    BOOST_TEST(std::isnan(pearson_correlation(b, a)));
    BOOST_TEST(std::isnan(spearman_correlation(a, b)));
    BOOST_TEST(std::isnan(spearman_correlation(b, a)));
  }
  BOOST_TEST(std::isnan(pearson_correlation(Numbers{1, infinity}, Numbers{1, 2})));
  BOOST_TEST(spearman_correlation(Numbers{1, infinity, -infinity}, Numbers{2, 3, 1}) == 1.0);
}

// Of any size: squares and sums overflow where correlations do not.
BOOST_AUTO_TEST_CASE(numbers_at_the_ends_of_their_range) {
  for (const double scale : {1e308, 1e200, 1e-200, 5e-324}) {
    BOOST_TEST(std::abs(pearson_correlation(Numbers{scale, 0, -scale, scale}, Numbers{1, 0, -1, 1}) - 1) <= 1e-12);
    BOOST_TEST(std::abs(pearson_correlation(Numbers{scale, 0, scale}, Numbers{-1, 0, -1}) + 1) <= 1e-12);
  }
}

BOOST_AUTO_TEST_CASE(different_lengths) {
  BOOST_CHECK_EXCEPTION(pearson_correlation(Numbers{1, 2}, Numbers{1}), ShapeError,
                        test::says("pearson_correlation: 2 numbers for 1"));
  BOOST_CHECK_EXCEPTION(spearman_correlation(Numbers{1}, Numbers{}), ShapeError,
                        test::says("spearman_correlation: 1 numbers for 0"));
}

BOOST_AUTO_TEST_SUITE_END()
