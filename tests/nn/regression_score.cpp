#include <canopy/nn/regression_score.hpp>

#include <cmath>

#include <canopy/core/error.hpp>
#include <canopy/datasets/tensor_dataset.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/routed/fff.hpp>
#include <canopy/nn/sequential.hpp>

#include <boost/test/unit_test.hpp>

#include "support/normal.hpp"

using namespace canopy;
using test::normal;

BOOST_AUTO_TEST_SUITE(regression_score)

// Standardised or not, the errors are those of the targets as they stand in the data.
BOOST_AUTO_TEST_CASE(errors_are_in_the_unit_of_the_targets) {
  manual_seed(4);
  nn::Sequential model;
  model.add<nn::FFF>({.inputs = 3, .outputs = 4, .depth = 2, .leaf_width = 2});
  model.add<nn::Linear>({.inputs = 4, .outputs = 2});
  model.eval();
  const Tensor x = normal({1500, 3}, "x"), y = normal({1500, 2}, "y");
  const RegressionDataset raw(x, y);
  const Standardisation targets{.offset = Tensor({2}, {3.f, -1.f}), .scale = Tensor({2}, {0.5f, 4.f})};
  for (const RegressionDataset& data : {raw, raw.with_standardised_targets(targets)}) {
    const RegressionScore score = evaluate_regression(model, data);
    const Tensor found = data.metadata().target.invert(model(x).value());
    double squares = 0, absolute = 0;
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const double error = static_cast<double>(found.data()[i]) - y.data()[i];
      squares += error * error / 3000;
      absolute += std::abs(error) / 3000;
    }
    BOOST_TEST(score.samples == 1500);
    BOOST_TEST(score.rmse == std::sqrt(squares), boost::test_tools::tolerance(1e-5));
    BOOST_TEST(score.mae == absolute, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(score.routing.at(0).layer == "0");
    BOOST_TEST(score.routing.at(0).rows == 1500);
    BOOST_TEST(score.maximum_load() == score.routing.at(0).maximum());
  }
  nn::Linear plain({.inputs = 3, .outputs = 2});
  plain.eval();
  BOOST_TEST(evaluate_regression(plain, raw).maximum_load() == 100);
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  nn::Linear model({.inputs = 3, .outputs = 2});
  BOOST_CHECK_THROW(RegressionScorer{model}, Error);
  model.eval();
  RegressionScorer scorer(model);
  BOOST_CHECK_THROW(scorer.add(normal({5, 3}), normal({5, 3})), ShapeError);
  BOOST_TEST(std::isnan(scorer.score().rmse));
}

BOOST_AUTO_TEST_SUITE_END()
