#include <canopy/autograd/power.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include "support/gradcheck.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::check_gradient;
using test::same_bits;

BOOST_AUTO_TEST_SUITE(power)

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

Variable parameter(const Shape& shape, const char* name, float low, float high) {
  Tensor value(shape);
  RandomStream(6, name).fill_uniform(value.mutable_elements(), low, high);
  return Variable::parameter(value, name);
}

float difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return infinity;
  float worst = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]) / std::abs(b.data()[i]));
  }
  return worst;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_number_as_exponent) {
  const Variable positive = parameter({3, 7}, "positive", 0.5f, 2.f);
  const Variable any = Variable::parameter(Tensor({5}, {-2.f, -0.5f, 0.3f, 1.f, 1.7f}), "any");
  for (const float e : {-2.5f, -1.f, 0.f, 0.5f, 1.f, 1.5f, 2.f, 3.f}) {
    BOOST_TEST(difference(canopy::pow(positive, e).value(), evaluate(xt::pow(view(positive.value()), e))) < 1e-6f, e);
    check_gradient([&] { return canopy::pow(positive, e); }, {positive}, std::to_string(e));
    if (e == std::trunc(e)) check_gradient([&] { return canopy::pow(any, e); }, {any}, std::to_string(e));
  }
}

BOOST_AUTO_TEST_CASE(a_variable_as_exponent) {
  for (const auto& [sx, se] : std::vector<std::pair<Shape, Shape>>{
           {{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{3, 1}, {1, 4}}, {{}, {3, 4}}, {{3, 4}, {}}}) {
    const Variable x = parameter(sx, "x", 0.5f, 2.f), e = parameter(se, "e", -2.f, 2.f);
    const std::string shapes = sx.to_string() + " and " + se.to_string();
    BOOST_TEST(difference(canopy::pow(x, e).value(), evaluate(xt::pow(view(x.value()), view(e.value())))) < 1e-6f,
               shapes);
    check_gradient([&] { return canopy::pow(x, e); }, {x, e}, shapes);
    check_gradient([&] { return canopy::pow(x.value(), e); }, {e}, shapes);
    check_gradient([&] { return canopy::pow(x, e.value()); }, {x}, shapes);
  }
  const Variable e = parameter({6}, "e", -2.f, 2.f);
  BOOST_TEST(difference(canopy::pow(3.f, e).value(), evaluate(xt::pow(3.f, view(e.value())))) < 1e-6f);
  check_gradient([&] { return canopy::pow(3.f, e); }, {e}, "3^e");
}

// PyTorch's values, from the formulas of its derivatives.
BOOST_AUTO_TEST_CASE(gradients_at_the_edges) {
  const std::vector<float> base{0.f, 0.f, 0.f, 0.f, 0.f, -2.f, -2.f, nan, 1.f};
  const std::vector<float> exponent{0.f, 1.f, 2.f, 0.5f, -1.f, 2.f, 0.5f, 0.f, nan};
  const std::vector<float> value{1.f, 0.f, 0.f, 0.f, infinity, 4.f, nan, 1.f, 1.f};
  const std::vector<float> d_base{0.f, 1.f, 0.f, infinity, -infinity, -4.f, nan, 0.f, nan};
  const std::vector<float> d_exponent{0.f, 0.f, 0.f, 0.f, -infinity, nan, nan, nan, 0.f};
  const auto check = [](const char* what, const Tensor& found, const std::vector<float>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const float f = found.data()[i];
      BOOST_TEST((std::isnan(expected[i]) ? std::isnan(f) : f == expected[i]),
                 what << ", element " << i << ": " << f << ", not " << expected[i]);
    }
  };
  const auto n = static_cast<std::int64_t>(base.size());
  const Variable x = Variable::parameter(Tensor({n}, base), "x"), e = Variable::parameter(Tensor({n}, exponent), "e");
  {
    Tape tape;
    const Variable y = canopy::pow(x, e);
    check("value", y.value(), value);
    tape.backward(sum(y));
    check("gradient of the base", x.grad(), d_base);
    check("gradient of the exponent", e.grad(), d_exponent);
  }
  for (std::size_t i = 0; i < base.size(); ++i) {
    const Variable one = Variable::parameter(Tensor({1}, base[i]), "one");
    Tape tape;
    const Variable y = canopy::pow(one, exponent[i]);
    check("value", y.value(), {value[i]});
    tape.backward(sum(y));
    check("gradient", one.grad(), {d_base[i]});
  }
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_broadcast) {
  const Variable x = Tensor({2, 3}, 1.f), e = Tensor({2}, 1.f);
  BOOST_CHECK_EXCEPTION(canopy::pow(x, e), ShapeError, [](const ShapeError& error) {
    const std::string text = error.what();
    return text.find("pow") != std::string::npos && text.find("[2, 3]") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const Variable x = parameter({100003}, "x", 0.f, 9.f), e = parameter({100003}, "e", -3.f, 3.f);
  test::same_bits_on_any_threads([&] {
    return std::vector{canopy::pow(x, e).value(), canopy::pow(x, 1.3f).value(), canopy::pow(x, 2.f).value()};
  });
}

BOOST_AUTO_TEST_SUITE_END()
