#include <canopy/autograd/losses.hpp>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/core/error.hpp>

#include "support/parameter.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;

BOOST_AUTO_TEST_SUITE(losses)

BOOST_AUTO_TEST_CASE(mean_squared_error_is_a_mean_over_all_elements) {
  const Tensor x({2, 2}, {1.f, 2.f, 3.f, 4.f}), target({2, 2}, {1.f, 0.f, 0.f, 5.f});
  const Variable loss = mean_squared_error(x, target);
  BOOST_CHECK((loss.shape() == Shape{}));
  BOOST_TEST(loss.value().item() == (0.f + 4.f + 9.f + 1.f) / 4.f);
}

BOOST_AUTO_TEST_CASE(mean_squared_error_has_the_right_gradients) {
  const Variable x = parameter({5, 7}, "x"), target = parameter({5, 7}, "target");
  GradcheckResult result = gradcheck([&] { return mean_squared_error(x, target); }, {x, target});
  BOOST_TEST(result.passed, result.message);
  result = gradcheck([&] { return mean_squared_error(x, target.value()); }, {x});
  BOOST_TEST(result.passed, result.message);
}

BOOST_AUTO_TEST_CASE(mean_squared_error_of_shapes_that_do_not_fit) {
  BOOST_CHECK_EXCEPTION(mean_squared_error(Tensor({2, 3}), Tensor({6})), ShapeError, [](const ShapeError& error) {
    return std::string(error.what()).starts_with("mean_squared_error: x [2, 3] and target [6]");
  });
  BOOST_CHECK_THROW(mean_squared_error(Tensor(Shape{0}), Tensor(Shape{0})), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
