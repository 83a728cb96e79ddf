#include <canopy/autograd/top_k.hpp>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/gradcheck.hpp>
#include <canopy/core/error.hpp>

#include "support/parameter.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;

BOOST_AUTO_TEST_SUITE(top_k)

BOOST_AUTO_TEST_CASE(gradients_of_what_is_chosen) {
  const Variable x = parameter({4, 6}, "x");
  for (const std::int64_t k : {1, 3, 6}) {
    const Indices chosen = canopy::top_k(x.value(), k);
    const GradcheckResult result = gradcheck([&] { return gather(x, chosen); }, {x});
    BOOST_TEST(result.passed, result.message);
  }
  const GradcheckResult twice = gradcheck([&] { return gather(x, Indices({4, 2}, {1, 1, 0, 5, 3, 3, 2, 4})); }, {x});
  BOOST_TEST(twice.passed, twice.message);
}

BOOST_AUTO_TEST_CASE(gradients_of_probabilities) {
  const Variable mean = parameter({5, 7}, "mean"), thresholds = parameter({5, 2}, "thresholds");
  const Variable logarithm = parameter({5, 7}, "logarithm of the deviation");
  for (const std::int64_t k : {1, 3, 6}) {
    const Indices chosen = canopy::top_k(mean.value(), k);
    const GradcheckResult result =
        gradcheck([&] { return top_k_probability(mean, exp(0.3f * logarithm), thresholds, chosen); },
                  {mean, logarithm, thresholds});
    BOOST_TEST(result.passed, result.message);
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const Tensor x({2, 3}, 1.f), thresholds({2, 2}, 0.f);
  const Indices chosen({2, 1}, {0, 2});
  BOOST_CHECK_THROW(canopy::top_k(x, 0), ShapeError);
  BOOST_CHECK_THROW(canopy::top_k(x, 4), ShapeError);
  BOOST_CHECK_THROW(canopy::top_k(Tensor({3}), 1), ShapeError);
  BOOST_CHECK_THROW(gather(Tensor({3}), chosen), ShapeError);
  BOOST_CHECK_THROW(gather(x, Indices({2}, {0, 1})), ShapeError);
  BOOST_CHECK_THROW(gather(x, Indices({1, 2}, {0, 1})), ShapeError);
  BOOST_CHECK_THROW(gather(x, Indices({2, 1}, {0, 3})), ShapeError);
  BOOST_CHECK_THROW(gather(x, Indices({2, 1}, {-1, 0})), ShapeError);
  BOOST_CHECK_THROW(top_k_probability(Tensor({2}), x, thresholds, chosen), ShapeError);
  BOOST_CHECK_THROW(top_k_probability(x, Tensor({2, 4}), thresholds, chosen), ShapeError);
  BOOST_CHECK_THROW(top_k_probability(x, x, Tensor({2, 1}), chosen), ShapeError);
  BOOST_CHECK_THROW(top_k_probability(x, x, thresholds, Indices({1, 1}, {0})), ShapeError);
  BOOST_CHECK_THROW(top_k_probability(x, x, thresholds, Indices({2, 1}, {0, 3})), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
