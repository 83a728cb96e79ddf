#include <canopy/autograd/layer_norm.hpp>

#include <algorithm>
#include <cmath>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include "support/parameter.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;

BOOST_AUTO_TEST_SUITE(layer_norm)

BOOST_AUTO_TEST_CASE(normalises_the_last_axis) {
  const Variable x = parameter({2, 3, 19}, "x"), weight = parameter({19}, "weight"), bias = parameter({19}, "bias");
  const Tensor y = canopy::layer_norm(x, weight, bias, 0.1f).value();
  BOOST_CHECK((y.shape() == Shape{2, 3, 19}));
  for (std::int64_t i = 0; i < 6; ++i) {
    const float* row = x.value().data() + i * 19;
    double mean = 0, variance = 0;
    for (std::int64_t j = 0; j < 19; ++j) mean += row[j] / 19.0;
    for (std::int64_t j = 0; j < 19; ++j) variance += (row[j] - mean) * (row[j] - mean) / 19.0;
    for (std::int64_t j = 0; j < 19; ++j) {
      const double normalised = (row[j] - mean) / std::sqrt(variance + 0.1);
      const double expected = normalised * weight.value().data()[j] + bias.value().data()[j];
      BOOST_TEST(std::abs(y.data()[i * 19 + j] - expected) < 1e-5);
    }
  }
}

BOOST_AUTO_TEST_CASE(has_the_right_gradients) {
  for (const Shape& shape : {Shape{3, 2, 7}, Shape{35, 18}, Shape{16}}) {
    const std::int64_t width = shape[-1];
    const Variable x = parameter(shape, "x"), weight = parameter({width}, "weight"), bias = parameter({width}, "bias");
    const GradcheckResult result = gradcheck([&] { return canopy::layer_norm(x, weight, bias); }, {x, weight, bias});
    BOOST_TEST(result.passed, shape.to_string() << ": " << result.message);
  }
}

BOOST_AUTO_TEST_CASE(without_a_bias) {
  const Variable x = parameter({4, 19}, "x"), weight = parameter({19}, "weight");
  const Tensor y = canopy::layer_norm(x, weight, {}).value();
  const Tensor expected = canopy::layer_norm(x, weight, Tensor::zeros({19})).value();
  BOOST_TEST(std::ranges::equal(y.elements(), expected.elements()));
  const GradcheckResult result = gradcheck([&] { return canopy::layer_norm(x, weight, {}); }, {x, weight});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(frozen_inputs_get_no_gradient) {
  Variable x = parameter({2, 5}, "x"), weight = parameter({5}, "weight"), bias = parameter({5}, "bias");
  weight.set_requires_grad(false);
  const GradcheckResult result = gradcheck([&] { return canopy::layer_norm(x, weight, bias); }, {x, bias});
  BOOST_TEST(result.passed, result.message);
  BOOST_TEST(!weight.has_grad());
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit) {
  const Tensor x({2, 5}, 1.f), five({5}, 1.f), four({4}, 1.f);
  BOOST_CHECK_EXCEPTION(canopy::layer_norm(x, five, four), ShapeError, [](const ShapeError& error) {
    const std::string text = error.what();
    return text.starts_with("layer_norm: x [2, 5], weight [5] and bias [4]");
  });
  BOOST_CHECK_THROW(canopy::layer_norm(x, four, five), ShapeError);
  BOOST_CHECK_THROW(canopy::layer_norm(Tensor({2, 0}), Tensor(Shape{0}), Tensor(Shape{0})), ShapeError);
  BOOST_CHECK_THROW(canopy::layer_norm(Tensor::scalar(1.f), five, five), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
