#include <canopy/nn/label_scores.hpp>

#include <cmath>
#include <vector>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

#include <support/errors.hpp>
#include <support/reference_lines.hpp>

using namespace canopy;
using Labels = std::vector<std::int32_t>;

BOOST_AUTO_TEST_SUITE(label_scores)

// scikit-learn's.
BOOST_AUTO_TEST_CASE(published_values) {
  int cases = 0;
  const nlohmann::json file = test::reference_json("glue_metrics.json");
  for (const auto& each : file.at("cases")) {
    if (each.at("kind") != "classification") continue;
    ++cases;
    const auto labels = each.at("labels").get<Labels>(), predictions = each.at("predictions").get<Labels>();
    BOOST_TEST_CONTEXT(each.at("name")) {
      BOOST_TEST(std::abs(matthews_correlation(predictions, labels) - each.at("matthews").get<double>()) <= 1e-9);
      BOOST_TEST(std::abs(accuracy(predictions, labels) - each.at("accuracy").get<double>()) <= 1e-9);
      if (each.contains("f1")) {
        BOOST_TEST(std::abs(f1_score(predictions, labels) - each["f1"].get<double>()) <= 1e-9);
      }
    }
  }
  BOOST_TEST(cases > 10);
}

BOOST_AUTO_TEST_CASE(no_samples) {
  BOOST_TEST(std::isnan(accuracy(Labels{}, Labels{})));
  BOOST_TEST(f1_score(Labels{}, Labels{}) == 0);
  BOOST_TEST(matthews_correlation(Labels{}, Labels{}) == 0);
}

BOOST_AUTO_TEST_CASE(f1_of_another_class) {
  BOOST_TEST(f1_score(Labels{0, 0, 1}, Labels{0, 1, 1}, 0) == 2. / 3);
  BOOST_TEST(f1_score(Labels{0, 0, 1}, Labels{0, 1, 1}, 7) == 0);
}

BOOST_AUTO_TEST_CASE(different_lengths) {
  const Labels two = {0, 1}, one = {0};
  BOOST_CHECK_EXCEPTION(accuracy(two, one), ShapeError, test::says("accuracy: 2 predictions for 1 labels"));
  BOOST_CHECK_EXCEPTION(f1_score(two, one), ShapeError, test::says("f1_score: 2 predictions for 1 labels"));
  BOOST_CHECK_EXCEPTION(matthews_correlation(one, two), ShapeError,
                        test::says("matthews_correlation: 1 predictions for 2 labels"));
}

BOOST_AUTO_TEST_SUITE_END()
