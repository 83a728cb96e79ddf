#include <canopy/autograd/gradcheck.hpp>

#include <cmath>
#include <limits>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(gradcheck)

namespace {

// f(x) with the gradient that `slope` claims.
Variable apply(const Variable& x, float (*f)(float), float (*slope)(float)) {
  Tensor value(x.shape());
  for (std::int64_t i = 0; i < x.size(); ++i) value.mutable_data()[i] = f(x.value().data()[i]);
  return record("apply", {x}, value, [x, slope](const Tensor& dy) {
    Tensor dx(x.shape());
    for (std::int64_t i = 0; i < dx.size(); ++i) dx.mutable_data()[i] = dy.data()[i] * slope(x.value().data()[i]);
    x.accumulate(dx);
  });
}

float square(float x) { return x * x; }

Variable input() { return Variable::parameter(Tensor({2, 2}, {0.5f, -1.f, 2.f, 1.5f}), "input"); }

}  // namespace

BOOST_AUTO_TEST_CASE(passes_where_the_gradient_is_right) {
  const Variable x = input();
  const auto f = [&] { return apply(x, square, [](float v) { return 2 * v; }); };
  const GradcheckResult result = canopy::gradcheck(f, {x});
  BOOST_TEST(result.passed, result.message);
  BOOST_TEST(result.worst < 1e-2f);
  BOOST_TEST(!x.has_grad());  // cleans up
  BOOST_TEST(x.value().data()[1] == -1.f);
}

BOOST_AUTO_TEST_CASE(fails_where_the_gradient_is_wrong) {
  const Variable x = input();
  const auto check = [&](float (*slope)(float)) {
    return canopy::gradcheck([&] { return apply(x, square, slope); }, {x});
  };
  BOOST_TEST(!check([](float v) { return 2.2f * v; }).passed);                // a factor
  BOOST_TEST(!check([](float v) { return 2 * v + 0.5f; }).passed);            // a term
  BOOST_TEST(!check([](float v) { return v > 0 ? 2 * v : -2 * v; }).passed);  // a sign
  const GradcheckResult one = check([](float v) { return v == 2.f ? 5.f : 2 * v; });
  BOOST_TEST(!one.passed);  // one element
  BOOST_TEST(one.message.starts_with("input 0 'input', element 2: tape "), one.message);
  BOOST_TEST(one.worst > 0.1f);
}

BOOST_AUTO_TEST_CASE(fails_where_a_gradient_is_missing) {
  const Variable x = input(), y = Variable::parameter(Tensor({2, 2}, 1.f), "forgotten");
  const auto f = [&] {
    Tensor value = x.value().clone();
    for (std::int64_t i = 0; i < value.size(); ++i) value.mutable_data()[i] += y.value().data()[i];
    return record("half", {x, y}, value, keep(), [x](const Tensor& dy) { x.accumulate(dy); });
  };
  const GradcheckResult result = canopy::gradcheck(f, {x, y});
  BOOST_TEST(!result.passed);
  BOOST_TEST(result.message.starts_with("input 1 'forgotten'"), result.message);
  BOOST_TEST(canopy::gradcheck(f, {x}).passed);
}

BOOST_AUTO_TEST_CASE(fails_where_something_is_not_finite) {
  const Variable x = input();
  const auto slope = [](float v) { return 2 * v; };
  const auto nan = [](float) { return std::numeric_limits<float>::quiet_NaN(); };
  const auto infinite = [](float v) { return v > 2.f ? std::numeric_limits<float>::infinity() : v * v; };
  BOOST_TEST(!canopy::gradcheck([&] { return apply(x, square, nan); }, {x}).passed);
  BOOST_TEST(!canopy::gradcheck([&] { return apply(x, nan, slope); }, {x}).passed);
  const GradcheckResult result = canopy::gradcheck([&] { return apply(x, infinite, slope); }, {x});
  BOOST_TEST(!result.passed);
}

BOOST_AUTO_TEST_CASE(a_function_that_records_nothing_is_an_error) {
  const Variable x = input();
  BOOST_CHECK_THROW(canopy::gradcheck([&] { return Variable(x.value()); }, {x}), TapeError);
}

BOOST_AUTO_TEST_SUITE_END()
