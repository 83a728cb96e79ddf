#include <canopy/autograd/selection.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/xtensor.hpp>

#include "support/gradcheck.hpp"
#include "support/parameter.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::check_gradient;
using test::parameter;
using test::same_bits;

BOOST_AUTO_TEST_SUITE(selection)

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// At least 0.1 from each other and from 0, so that a step of the gradient check changes no choice.
Variable apart(const Shape& shape, const char* name, float offset) {
  Tensor value(shape);
  const std::int64_t n = value.size();
  for (std::int64_t i = 0; i < n; ++i) value.mutable_data()[i] = 0.2f * static_cast<float>(i * 7 % 11 - 5) + offset;
  return Variable::parameter(value, name);
}

const std::vector<std::pair<Shape, Shape>> pairs{{{3, 4}, {3, 4}}, {{3, 4}, {4}},       {{3, 4}, {3, 1}},
                                                 {{}, {3, 4}},     {{2, 1, 4}, {3, 1}}, {{}, {}}};

// The gradients of sum(f()).
void backward(const std::function<Variable()>& f) {
  Tape tape;
  tape.backward(sum(f()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(maximum_and_minimum_broadcast_as_in_xtensor) {
  for (const auto& [sa, sb] : pairs) {
    const Variable a = apart(sa, "a", 0.05f), b = apart(sb, "b", 0.15f);
    const std::string shapes = sa.to_string() + " and " + sb.to_string();
    const auto x = view(a.value()), y = view(b.value());
    BOOST_TEST(same_bits(maximum(a, b).value(), evaluate(xt::maximum(x, y))), shapes);
    BOOST_TEST(same_bits(minimum(a, b).value(), evaluate(xt::minimum(x, y))), shapes);
    check_gradient([&] { return maximum(a, b); }, {a, b}, "maximum " + shapes);
    check_gradient([&] { return minimum(a, b); }, {a, b}, "minimum " + shapes);
    check_gradient([&] { return maximum(a.value(), b); }, {b}, "maximum " + shapes);
  }
}

BOOST_AUTO_TEST_CASE(equal_numbers_share_the_gradient) {
  const Variable a = Variable::parameter(Tensor({4}, {1.f, 0.f, infinity, 2.f}), "a");
  const Variable b = Variable::parameter(Tensor({4}, {1.f, -0.f, infinity, 3.f}), "b");
  backward([&] { return maximum(a, b); });
  BOOST_TEST(same_bits(a.grad(), Tensor({4}, {0.5f, 0.5f, 0.5f, 0.f})));
  BOOST_TEST(same_bits(b.grad(), Tensor({4}, {0.5f, 0.5f, 0.5f, 1.f})));
  backward([&] { return minimum(a, b); });
  BOOST_TEST(same_bits(a.grad(), Tensor({4}, {1.f, 1.f, 1.f, 1.f})));
  BOOST_TEST(same_bits(b.grad(), Tensor({4}, {1.f, 1.f, 1.f, 1.f})));
}

BOOST_AUTO_TEST_CASE(where_chooses_and_broadcasts) {
  const Tensor condition({3, 1}, {1.f, 0.f, nan});  // NaN is not 0
  const Variable a = parameter({1, 4}, "a"), b = parameter({}, "b");
  const Tensor y = where(condition, a, b).value();
  BOOST_CHECK((y.shape() == Shape{3, 4}));
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t j = 0; j < 4; ++j) {
      BOOST_TEST(y.data()[i * 4 + j] == (i == 1 ? b.value().item() : a.value().data()[j]));
    }
  }
  check_gradient([&] { return where(condition, a, b); }, {a, b}, "where");
  for (const auto& [sa, sb] : pairs) {
    const Variable x = parameter(sa, "x"), z = parameter(sb, "z");
    const Tensor choice = evaluate(xt::cast<float>(view(parameter({3, 4}, "choice").value()) > 0.f));
    check_gradient([&] { return where(choice, x, z); }, {x, z}, "where " + sa.to_string() + sb.to_string());
  }
}

// As masks need it: 0 times the gradient of a NaN would be NaN.
BOOST_AUTO_TEST_CASE(what_was_not_chosen_leaves_no_trace) {
  const Variable a = Variable::parameter(Tensor({2}, {nan, 2.f}), "a");
  const Variable b = Variable::parameter(Tensor({2}, {3.f, infinity}), "b");
  const Tensor condition({2}, {0.f, -0.5f});
  BOOST_TEST(same_bits(where(condition, a, b).value(), Tensor({2}, {3.f, 2.f})));
  Tape tape;
  const Variable y = where(condition, a, b);
  tape.backward(record("infinite", {y}, Tensor::scalar(0.f), keep(), [dy = y.sink()](const Tensor&) {
    dy.accumulate(Tensor({2}, {infinity, 5.f}));
  }));
  BOOST_TEST(same_bits(a.grad(), Tensor({2}, {0.f, 5.f})));
  BOOST_TEST(same_bits(b.grad(), Tensor({2}, {infinity, 0.f})));
}

BOOST_AUTO_TEST_CASE(clamp_has_the_gradient_of_x_between_and_on_the_bounds) {
  const Variable x = apart({5, 5}, "x", 0.05f);
  BOOST_TEST(same_bits(clamp(x, -0.4f, 0.3f).value(), evaluate(xt::clip(view(x.value()), -0.4f, 0.3f))));
  check_gradient([&] { return clamp(x, -0.4f, 0.3f); }, {x}, "clamp");
  check_gradient([&] { return clamp(x, 0.f, infinity); }, {x}, "clamp below");

  const Variable edge = Variable::parameter(Tensor({8}, {-2.f, -1.f, 0.f, 1.f, 2.f, nan, infinity, -infinity}), "edge");
  backward([&] { return clamp(edge, -1.f, 1.f); });
  BOOST_TEST(same_bits(edge.grad(), Tensor({8}, {0.f, 1.f, 1.f, 1.f, 0.f, 0.f, 0.f, 0.f})));
  const Tensor y = clamp(edge, -1.f, 1.f).value();
  BOOST_TEST(std::isnan(y.data()[5]));
  BOOST_TEST(y.data()[6] == 1.f);
  BOOST_TEST(std::signbit(clamp(Tensor({1}, -0.f), -1.f, 1.f).value().item()));
  BOOST_TEST(clamp(edge, 1.f, 1.f).value().data()[0] == 1.f);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit) {
  const Variable a = parameter({2, 3}, "a"), b = parameter({4}, "b");
  const auto names_both = [](const ShapeError& error) {
    const std::string text = error.what();
    return text.find("[2, 3]") != std::string::npos && text.find("[4]") != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(maximum(a, b), ShapeError, names_both);
  BOOST_CHECK_EXCEPTION(minimum(b, a), ShapeError, names_both);
  BOOST_CHECK_EXCEPTION(where(Tensor({2, 3}), a, b), ShapeError, names_both);
  BOOST_CHECK_EXCEPTION(where(Tensor({4}), a, a), ShapeError, names_both);
  BOOST_CHECK_THROW(clamp(a, 1.f, 0.f), ConfigError);
  BOOST_CHECK_THROW(clamp(a, nan, 0.f), ConfigError);
}

BOOST_AUTO_TEST_SUITE_END()
