#include <canopy/autograd/arithmetic.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(arithmetic)

namespace {

Variable parameter(const Shape& shape, const char* name, float low = 0.5f, float high = 2.f) {
  Tensor value(shape);
  RandomStream(2, name).fill_uniform(value.mutable_elements(), low, high);
  return Variable::parameter(value, name);
}

float difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<float>::infinity();
  float worst = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a.data()[i] - b.data()[i]));
  return worst;
}

// Equal shapes, rows, columns, scalars, and what only the general path does.
const std::vector<std::pair<Shape, Shape>> pairs{{{3, 4}, {3, 4}},
                                                 {{3, 4}, {4}},
                                                 {{4}, {3, 4}},
                                                 {{3, 4}, {1, 4}},
                                                 {{3, 4}, {3, 1}},
                                                 {{3, 1}, {3, 4}},
                                                 {{3, 4}, {}},
                                                 {{}, {3, 4}},
                                                 {{1}, {3, 4}},
                                                 {{2, 1, 4}, {3, 1}},
                                                 {{2, 3, 4}, {3, 4}},
                                                 {{2, 3, 4}, {2, 1, 4}},
                                                 {{2, 3, 4}, {3, 1}},
                                                 {{2, 3, 4}, {1, 1, 4}},
                                                 {{1, 5, 1}, {4, 1, 3}},
                                                 {{2, 1, 2, 1, 3}, {4, 1, 5, 1}},
                                                 {{}, {}},
                                                 {{4}, {1, 4}},
                                                 {{1, 1, 4}, {2, 4}}};

using Operator = std::function<Variable(const Variable&, const Variable&)>;

}  // namespace

BOOST_AUTO_TEST_CASE(values_broadcast_as_in_xtensor) {
  for (const auto& [sa, sb] : pairs) {
    const Variable a = parameter(sa, "a"), b = parameter(sb, "b");
    const auto x = view(a.value());
    const auto y = view(b.value());
    const auto shapes = sa.to_string() + " and " + sb.to_string();
    BOOST_TEST(difference((a + b).value(), evaluate(x + y)) == 0.f, shapes);
    BOOST_TEST(difference((a - b).value(), evaluate(x - y)) == 0.f, shapes);
    BOOST_TEST(difference((a * b).value(), evaluate(x * y)) == 0.f, shapes);
    BOOST_TEST(difference((a / b).value(), evaluate(x / y)) < 1e-6f, shapes);
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_two_operands) {
  const std::vector<std::pair<const char*, Operator>> operators{
      {"add", [](const Variable& a, const Variable& b) { return a + b; }},
      {"subtract", [](const Variable& a, const Variable& b) { return a - b; }},
      {"multiply", [](const Variable& a, const Variable& b) { return a * b; }},
      {"divide", [](const Variable& a, const Variable& b) { return a / b; }}};
  for (const auto& [sa, sb] : pairs) {
    for (const auto& [name, f] : operators) {
      const Variable a = parameter(sa, "a"), b = parameter(sb, "b", 1.f, 2.f);
      const auto both = gradcheck([&, &f = f] { return f(a, b); }, {a, b});
      BOOST_TEST(both.passed, name << ' ' << sa.to_string() << ' ' << sb.to_string() << ": " << both.message);
      const auto left = gradcheck([&, &f = f] { return f(a, b.value()); }, {a});
      BOOST_TEST(left.passed, name << ' ' << left.message);
      const auto right = gradcheck([&, &f = f] { return f(a.value(), b); }, {b});
      BOOST_TEST(right.passed, name << ' ' << right.message);
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_one_operand) {
  const std::vector<std::pair<const char*, std::function<Variable(const Variable&)>>> functions{
      {"x + 2", [](const Variable& x) { return x + 2.f; }},
      {"2 + x", [](const Variable& x) { return 2.f + x; }},
      {"x - 2", [](const Variable& x) { return x - 2.f; }},
      {"2 - x", [](const Variable& x) { return 2.f - x; }},
      {"x * 2", [](const Variable& x) { return x * 2.f; }},
      {"2 * x", [](const Variable& x) { return 2.f * x; }},
      {"x / 2", [](const Variable& x) { return x / 2.f; }},
      {"2 / x", [](const Variable& x) { return 2.f / x; }},
      {"-x", [](const Variable& x) { return -x; }},
      {"x * x", [](const Variable& x) { return x * x; }},
      {"x / x", [](const Variable& x) { return x / x + x; }},
      {"exp", [](const Variable& x) { return exp(x); }},
      {"expm1", [](const Variable& x) { return expm1(x); }},
      {"log", [](const Variable& x) { return log(x); }},
      {"log1p", [](const Variable& x) { return log1p(x); }},
      {"sqrt", [](const Variable& x) { return sqrt(x); }},
      {"square", [](const Variable& x) { return square(x); }},
      {"abs", [](const Variable& x) { return abs(x - 5.f) + abs(x); }}};
  for (const auto& [name, f] : functions) {
    const Variable x = parameter({3, 5}, "x");
    const auto result = gradcheck([&, &g = f] { return g(x); }, {x});
    BOOST_TEST(result.passed, name << ": " << result.message);
  }
}

BOOST_AUTO_TEST_CASE(values_of_one_operand) {
  const Variable x = Tensor({3}, {-4.f, 1.f, 4.f});
  BOOST_TEST((2.f - x).value().data()[0] == 6.f);
  BOOST_TEST((2.f / x).value().data()[0] == -0.5f);
  BOOST_TEST((x / 2.f).value().data()[2] == 2.f);
  BOOST_TEST((x - 2).value().data()[1] == -1.f);
  BOOST_TEST(abs(x).value().data()[0] == 4.f);
  BOOST_TEST(square(x).value().data()[0] == 16.f);
  BOOST_TEST(sqrt(x).value().data()[2] == 2.f);
  BOOST_TEST(exp(Variable(Tensor::scalar(1.f))).value().item() == 2.7182818f, boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(log(x).value().data()[1] == 0.f);
}

// Where 1 + x and e^x round to 1, the functions and their slopes do not.
BOOST_AUTO_TEST_CASE(near_one_nothing_cancels) {
  const Variable x = Variable::parameter(Tensor({3}, {1e-10f, -1e-10f, 1e-30f}), "x");
  BOOST_TEST(difference(expm1(x).value(), x.value()) == 0.f);
  BOOST_TEST(difference(log1p(x).value(), x.value()) == 0.f);
  const Variable edge = Variable::parameter(Tensor({3}, {-1.f, -0.99999994f, -1.5f}), "edge");
  Tape tape;
  const Variable y = log1p(edge);
  BOOST_TEST(y.value().data()[0] == -std::numeric_limits<float>::infinity());
  BOOST_TEST(y.value().data()[1] == std::log(0x1p-24f), boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(std::isnan(y.value().data()[2]));
  tape.backward(record("sum", {y}, Tensor::scalar(0.f), keep(),
                       [dy = y.sink()](const Tensor&) { dy.accumulate(Tensor({3}, 1.f)); }));
  BOOST_TEST(edge.grad().data()[0] == std::numeric_limits<float>::infinity());
  BOOST_TEST(edge.grad().data()[1] == 0x1p24f);
}

BOOST_AUTO_TEST_CASE(arrays_without_elements) {
  const Variable a = parameter({0, 3}, "a"), row = parameter({3}, "row"), one = parameter({1, 3}, "one");
  BOOST_CHECK(((a * row).shape() == Shape{0, 3}));
  BOOST_CHECK(((row - a).shape() == Shape{0, 3}));
  Tape tape;
  const Variable y = a * row + one;
  tape.backward(record("sum", {y}, Tensor::scalar(0.f), keep(), [dy = y.sink()](const Tensor&) {
    dy.accumulate(Tensor::zeros({0, 3}));
  }));
  BOOST_TEST(difference(row.grad(), Tensor::zeros({3})) == 0.f);
  BOOST_TEST(difference(one.grad(), Tensor::zeros({1, 3})) == 0.f);
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_broadcast) {
  const Variable a = Tensor({2, 3}, 1.f), b = Tensor({2}, 1.f);
  BOOST_CHECK_THROW(a + b, ShapeError);
  BOOST_CHECK_THROW(a - b, ShapeError);
  BOOST_CHECK_THROW(a / b, ShapeError);
  BOOST_CHECK_EXCEPTION(a * b, ShapeError, [](const ShapeError& error) {
    const std::string text = error.what();
    return text.find("multiply") != std::string::npos && text.find("[2, 3]") != std::string::npos &&
           text.find("[2]") != std::string::npos;
  });
}

// The gradient of a sum of two is one array for both; writing one must not change the other.
BOOST_AUTO_TEST_CASE(shared_gradients_are_written_apart) {
  Variable a = parameter({2}, "a"), b = parameter({2}, "b");
  Tape tape;
  const Variable y = a + b;
  tape.backward(record("sum", {y}, Tensor::scalar(0.f), keep(),
                       [dy = y.sink()](const Tensor&) { dy.accumulate(Tensor({2}, 1.f)); }));
  a.mutable_grad().mutable_data()[0] = 9.f;
  BOOST_TEST(b.grad().data()[0] == 1.f);
}

BOOST_AUTO_TEST_CASE(sum_to_adds_up_what_was_stretched) {
  Tensor x({2, 3, 4});
  float next = 0;
  for (float& v : x.mutable_elements()) v = next++;
  BOOST_TEST(difference(sum_to(x, {4}), evaluate(xt::sum(view(x), {0, 1}))) == 0.f);
  BOOST_TEST(difference(sum_to(x, {}), Tensor::scalar(276.f)) == 0.f);
  BOOST_TEST(difference(sum_to(x, {3, 1}), evaluate(xt::sum(view(x), {0, 2})).reshape({3, 1})) == 0.f);
  BOOST_TEST(difference(sum_to(x, {2, 1, 1}), evaluate(xt::sum(view(x), {1, 2})).reshape({2, 1, 1})) == 0.f);
  BOOST_TEST(difference(sum_to(x, {2, 1, 4}), evaluate(xt::sum(view(x), {1})).reshape({2, 1, 4})) == 0.f);
  BOOST_TEST(sum_to(x, {2, 3, 4}).shares_buffer_with(x));
}

BOOST_AUTO_TEST_CASE(broadcast_to_repeats) {
  for (const auto& [from, to] : std::vector<std::pair<Shape, Shape>>{{{}, {2, 3}},
                                                                     {{3}, {2, 3}},
                                                                     {{3, 1}, {2, 3, 4}},
                                                                     {{2, 1, 1, 5}, {2, 3, 4, 5}},
                                                                     {{1, 4, 1}, {3, 4, 2}},
                                                                     {{1}, {1, 1}}}) {
    const Tensor x = parameter(from, "x").value();
    const Tensor zeros(to, 0.f);
    BOOST_TEST(difference(broadcast_to(x, to), evaluate(view(x) + view(zeros))) == 0.f, to.to_string());
  }
  BOOST_CHECK((broadcast_to(Tensor({3, 1}, 1.f), {2, 3, 0}).shape() == Shape{2, 3, 0}));
  BOOST_CHECK((broadcast_to(Tensor::zeros({0, 1}), {2, 0, 5}).shape() == Shape{2, 0, 5}));
}

BOOST_AUTO_TEST_SUITE_END()
