#include <canopy/autograd/gradcheck.hpp>

#include <cmath>
#include <limits>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include "operations.hpp"
#include "support/errors.hpp"
#include "support/gradcheck.hpp"

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
  BOOST_TEST(result.worst < 1);
  BOOST_TEST(!x.has_grad());  // cleans up
  BOOST_TEST(x.value().data()[1] == -1.f);
}

BOOST_AUTO_TEST_CASE(fails_where_the_gradient_is_wrong) {
  const Variable x = input();
  const auto check = [&](float (*slope)(float)) {
    return canopy::gradcheck([&] { return apply(x, square, slope); }, {x});
  };
  BOOST_TEST(!check([](float v) { return 2.03f * v; }).passed);  // a factor
  BOOST_TEST(!check([](float v) { return 2.0005f * v; }).passed);
  BOOST_TEST(!check([](float v) { return 2 * v + 1e-3f; }).passed);           // a term
  BOOST_TEST(!check([](float v) { return v > 0 ? 2 * v : -2 * v; }).passed);  // a sign
  const GradcheckResult one = check([](float v) { return v == 2.f ? 5.f : 2 * v; });
  BOOST_TEST(!one.passed);  // one element
  BOOST_TEST(one.message.starts_with("input 0 'input', element 2: tape "), one.message);
  BOOST_TEST(one.worst > 1000);
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

// Each element by its own size: large neighbours hide nothing.
BOOST_AUTO_TEST_CASE(fails_where_small_gradients_are_missing_beside_large_ones) {
  const Variable x = Variable::parameter(Tensor({4}, {0.3f, -0.7f, 1.1f, 0.2f}), "x");
  const float factor[] = {100.f, 1.f, 1.f, 1e-2f};
  const auto weighted = [&](std::vector<bool> dropped) {
    return [&, dropped] {
      Tensor value({1}, 0.f);
      for (std::int64_t i = 0; i < 4; ++i) value.mutable_data()[0] += factor[i] * x.value().data()[i];
      return record("weighted", {x}, value, keep(), [&, dropped](const Tensor& dy) {
        Tensor dx({4}, 0.f);
        for (std::size_t i = 0; i < 4; ++i) dx.mutable_data()[i] = dropped[i] ? 0.f : factor[i] * dy.item();
        x.accumulate(dx);
      });
    };
  };
  const GradcheckResult right = canopy::gradcheck(weighted({false, false, false, false}), {x});
  BOOST_TEST(right.passed, right.message);
  BOOST_TEST(!canopy::gradcheck(weighted({false, true, true, false}), {x}).passed);
  BOOST_TEST(!canopy::gradcheck(weighted({false, false, true, false}), {x}).passed);
  BOOST_TEST(!canopy::gradcheck(weighted({false, false, false, true}), {x}).passed);
}

// Curvature of every strength, kinks at any distance from a thousandth on, sums that cancel: what is right passes, what
// is wrong by a thousandth fails.
BOOST_AUTO_TEST_CASE(distances_fit_the_function) {
  struct Function {
    const char* name;
    float (*f)(float);
    float (*slope)(float);
    std::vector<float> at;
  };
  const Function functions[] = {
      {"exp", [](float v) { return std::exp(v); }, [](float v) { return std::exp(v); }, {-5.f, 0.f, 1.f, 8.f}},
      {"log", [](float v) { return std::log(v); }, [](float v) { return 1 / v; }, {0.01f, 0.1f, 1.f, 300.f}},
      {"sin 20 x", [](float v) { return std::sin(20 * v); }, [](float v) { return 20 * std::cos(20 * v); }, {0.f, 1.f}},
      {"|x|",
       [](float v) { return std::abs(v); },
       [](float v) { return v < 0 ? -1.f : 1.f; },
       {2e-3f, -5e-3f, 0.02f, -0.1f, 0.2f, 1.f}},
      {"a step", [](float v) { return v < 0 ? v : v + 10; }, [](float) { return 1.f; }, {2e-3f, -0.01f, 0.1f, 1.f}},
      {"a constant beside", [](float v) { return v + 100; }, [](float) { return 1.f; }, {0.1f, 3.f}},
      {"tanh",
       [](float v) { return std::tanh(v); },
       [](float v) { return static_cast<float>(std::pow(std::cosh(double{v}), -2)); },
       {-3.f, 0.f, 0.5f}},
  };
  for (const auto& [name, function, derivative, at] : functions) {
    const auto &f = function, &slope = derivative;  // clang before 16 captures no structured binding
    for (const float where : at) {
      const Variable x = Variable::parameter(Tensor({1}, where), "x");
      const auto check = [&](float factor) {
        return canopy::gradcheck(
            [&] {
              return record("f", {x}, Tensor({1}, f(x.value().item())), [&, factor](const Tensor& dy) {
                x.accumulate(Tensor({1}, factor * dy.item() * slope(x.value().item())));
              });
            },
            {x});
      };
      const GradcheckResult right = check(1.f);
      BOOST_TEST(right.passed, name << " at " << where << ": " << right.message);
      BOOST_TEST(!check(1.01f).passed, name << " at " << where);
    }
  }
}

// A kink where the input stands, or a function that jumps about, is no gradient to compare with.
BOOST_AUTO_TEST_CASE(fails_where_there_is_no_slope) {
  const Variable x = Variable::parameter(Tensor({1}, 0.f), "x");
  const auto noise = [](float v) { return std::sin(1e6f * v); };
  const GradcheckResult result = canopy::gradcheck([&] { return apply(x, noise, [](float) { return 1.f; }); }, {x});
  BOOST_TEST(!result.passed);
  BOOST_TEST(result.message.find("too uncertain") != std::string::npos, result.message);
}

// The differences of a twin in double judge to float's own precision.
BOOST_AUTO_TEST_CASE(a_twin_in_double_judges_more_tightly) {
  const Variable x = input();
  const GradcheckTwin twin = [](const std::vector<std::vector<double>>& in) {
    std::vector<double> y = in[0];
    for (double& v : y) v *= v;
    return y;
  };
  const GradcheckOptions options{.relative_tolerance = 3e-7f, .absolute_tolerance = 0.f, .twin = twin};
  const auto check = [&](float (*slope)(float)) {
    return canopy::gradcheck([&] { return apply(x, square, slope); }, {x}, options);
  };
  const GradcheckResult right = check([](float v) { return 2 * v; });
  BOOST_TEST(right.passed, right.message);
  BOOST_TEST(!check([](float v) { return 2.000002f * v; }).passed);
  const GradcheckTwin short_twin = [](const std::vector<std::vector<double>>&) { return std::vector<double>(3); };
  BOOST_CHECK_EXCEPTION(canopy::gradcheck([&] { return apply(x, square, square); }, {x}, {.twin = short_twin}),
                        ShapeError, test::says("gradcheck: the twin gives 3 numbers, the function 4"));
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

// But for straight-through estimators, whose gradient is that of another function by intention.
BOOST_AUTO_TEST_CASE(passes_every_operation) {
  for (const test::Operation& operation : test::operations()) {
    if (operation.is_estimator) continue;
    const std::vector<Variable> inputs = operation.parameters();
    test::check_gradient([&] { return operation.apply(inputs); }, inputs, operation.name);
  }
}

BOOST_AUTO_TEST_CASE(a_function_that_records_nothing_is_an_error) {
  const Variable x = input();
  BOOST_CHECK_THROW(canopy::gradcheck([&] { return Variable(x.value()); }, {x}), TapeError);
}

BOOST_AUTO_TEST_SUITE_END()
