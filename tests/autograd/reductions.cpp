#include <canopy/autograd/reductions.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/xtensor.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(reductions)

namespace {

// Distinct numbers 0.1 apart, so that a step of the gradient check moves no maximum.
Variable parameter(const Shape& shape) {
  Tensor value(shape);
  const std::int64_t n = value.size(), middle = n / 2;
  for (std::int64_t i = 0; i < n; ++i) value.mutable_data()[i] = 0.1f * static_cast<float>(i * 37 % 101 - middle);
  return Variable::parameter(value, "x");
}

float difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<float>::infinity();
  float worst = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]));
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_over_every_axis) {
  const Variable x = parameter({2, 3, 4});
  BOOST_TEST(difference(sum(x).value(), evaluate(xt::sum(view(x.value())))) < 1e-5f);
  BOOST_TEST(difference(mean(x).value(), evaluate(xt::cast<float>(xt::mean(view(x.value()))))) < 1e-5f);
  for (int axis = 0; axis < 3; ++axis) {
    const auto v = view(x.value());
    BOOST_TEST(difference(sum(x, axis).value(), evaluate(xt::sum(v, {axis}))) < 1e-5f);
    BOOST_TEST(difference(mean(x, axis).value(), evaluate(xt::cast<float>(xt::mean(v, {axis})))) < 1e-5f);
    BOOST_TEST(difference(max(x, axis).value(), evaluate(xt::amax(v, {axis}))) == 0.f);
    BOOST_TEST(difference(sum(x, axis - 3).value(), sum(x, axis).value()) == 0.f);
    const Shape kept = x.shape().with(axis, 1);
    BOOST_CHECK((sum(x, axis, ReducedAxis::keep).shape() == kept));
    BOOST_CHECK((mean(x, axis, ReducedAxis::keep).shape() == kept));
    BOOST_CHECK((max(x, axis, ReducedAxis::keep).shape() == kept));
  }
}

BOOST_AUTO_TEST_CASE(gradients) {
  const Variable x = parameter({3, 4, 5});
  const auto check = [&](const char* name, const std::function<Variable()>& f) {
    const auto result = gradcheck(f, {x});
    BOOST_TEST(result.passed, name << ": " << result.message);
  };
  check("sum", [&] { return sum(x); });
  check("mean", [&] { return mean(x); });
  for (const int axis : {0, 1, 2, -1}) {
    for (const ReducedAxis reduced : {ReducedAxis::drop, ReducedAxis::keep}) {
      check("sum over an axis", [&] { return sum(x, axis, reduced); });
      check("mean over an axis", [&] { return mean(x, axis, reduced); });
      check("max over an axis", [&] { return max(x, axis, reduced); });
    }
  }
}

BOOST_AUTO_TEST_CASE(the_first_of_equal_maxima_gets_the_gradient) {
  const Variable x = Variable::parameter(Tensor({1, 4}, {1.f, 3.f, 3.f, 2.f}));
  Tape tape;
  tape.backward(sum(max(x, 1)));
  BOOST_TEST(difference(x.grad(), Tensor({1, 4}, {0.f, 1.f, 0.f, 0.f})) == 0.f);
}

BOOST_AUTO_TEST_CASE(places_of_maxima) {
  const Tensor x({2, 2, 3}, {0.f, 2.f, 1.f, 5.f, 5.f, 4.f, -3.f, -2.f, -1.f, 7.f, 6.f, 7.f});
  const Indices places = argmax(x);
  BOOST_CHECK((places.shape() == Shape{2, 2}));
  const std::int32_t expected[] = {1, 0, 2, 0};
  BOOST_TEST(std::equal(places.data(), places.data() + 4, expected));
}

BOOST_AUTO_TEST_CASE(nothing_to_reduce) {
  const Variable none = Tensor({2, 0}, 0.f);
  BOOST_TEST(sum(none).value().item() == 0.f);
  BOOST_TEST(std::isnan(mean(none).value().item()));
  BOOST_TEST(difference(sum(none, 1).value(), Tensor::zeros({2})) == 0.f);
  BOOST_CHECK_THROW(max(none, 1), ShapeError);
  BOOST_CHECK_THROW(argmax(none.value()), ShapeError);
  BOOST_CHECK((max(none, 0).shape() == Shape{0}));
}

BOOST_AUTO_TEST_CASE(axes_that_do_not_exist) {
  const Variable x = parameter({2, 3});
  BOOST_CHECK_THROW(sum(x, 2), ShapeError);
  BOOST_CHECK_THROW(mean(x, -3), ShapeError);
  BOOST_CHECK_THROW(max(Variable(Tensor::scalar(1.f)), 0), ShapeError);
  BOOST_CHECK_THROW(argmax(Tensor::scalar(1.f)), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
