#include <canopy/autograd/losses.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <canopy/autograd/activations.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include "support/gradcheck.hpp"
#include "support/parameter.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::check_gradient;
using test::parameter;

BOOST_AUTO_TEST_SUITE(losses)

namespace {

using Loss = std::function<Variable(const Variable& x, const Variable& target, const Tensor& weight, Reduction)>;

struct Named {
  std::string name;
  Loss loss;
};

const std::vector<Named> losses_of_numbers{
    {"mean_squared_error",
     [](const Variable& x, const Variable& t, const Tensor& weight, Reduction reduction) {
       return mean_squared_error(x, t, {.weight = weight, .reduction = reduction});
     }},
    {"mean_absolute_error",
     [](const Variable& x, const Variable& t, const Tensor& weight, Reduction reduction) {
       return mean_absolute_error(x, t, {.weight = weight, .reduction = reduction});
     }},
    {"huber_loss",
     [](const Variable& x, const Variable& t, const Tensor& weight, Reduction reduction) {
       return huber_loss(x, t, {.delta = 0.75f, .weight = weight, .reduction = reduction});
     }},
    {"binary_cross_entropy_with_logits",
     [](const Variable& x, const Variable& t, const Tensor& weight, Reduction reduction) {
       const Tensor positive_weight({4}, {0.5f, 1.f, 2.f, 3.f});
       return binary_cross_entropy_with_logits(
           x, t, {.positive_weight = positive_weight, .weight = weight, .reduction = reduction});
     }},
};

const Named probabilities{"binary_cross_entropy",
                          [](const Variable& x, const Variable& t, const Tensor& weight, Reduction reduction) {
                            return binary_cross_entropy(x, t, {.weight = weight, .reduction = reduction});
                          }};

std::vector<Named> all_losses() {
  std::vector<Named> all = losses_of_numbers;
  all.push_back(probabilities);
  return all;
}

// Numbers in (0, 1), multiples of 1/4 apart from each other where two of them are compared.
Variable fractions(const Shape& shape, const char* name, float offset) {
  Tensor value(shape);
  for (std::int64_t i = 0; i < value.size(); ++i) {
    value.mutable_data()[i] = 0.25f * static_cast<float>(i * 5 % 4) + offset;
  }
  return Variable::parameter(value, name);
}

float item(const Variable& x) { return x.value().item(); }

}  // namespace

BOOST_AUTO_TEST_CASE(mean_squared_error_is_a_mean_over_all_elements) {
  const Tensor x({2, 2}, {1.f, 2.f, 3.f, 4.f}), target({2, 2}, {1.f, 0.f, 0.f, 5.f});
  const Variable loss = mean_squared_error(x, target);
  BOOST_CHECK((loss.shape() == Shape{}));
  BOOST_TEST(item(loss) == (0.f + 4.f + 9.f + 1.f) / 4.f);
}

BOOST_AUTO_TEST_CASE(values) {
  const Tensor x({4}, {1.f, 2.f, -3.f, 4.f}), target({4}, {1.f, 0.f, 0.f, 4.5f});
  BOOST_TEST(item(mean_absolute_error(x, target)) == (0.f + 2.f + 3.f + 0.5f) / 4.f);
  BOOST_TEST(item(huber_loss(x, target)) == (0.f + 1.5f + 2.5f + 0.125f) / 4.f);
  BOOST_TEST(item(huber_loss(x, target, {.delta = 2.f})) == (0.f + 2.f + 4.f + 0.125f) / 4.f);
  const Tensor logits({3}, {0.f, 2.f, -1.f}), labels({3}, {1.f, 0.f, 1.f});
  const double s = std::log(2.), a = std::log1p(std::exp(2.)), b = std::log1p(std::exp(1.));
  const auto near = boost::test_tools::tolerance(1e-6);
  BOOST_TEST(item(binary_cross_entropy_with_logits(logits, labels)) == (s + a + b) / 3, near);
  BOOST_TEST(item(binary_cross_entropy_with_logits(logits, labels, {.positive_weight = Tensor::scalar(3.f)})) ==
                 (3 * s + a + 3 * b) / 3,
             near);
  BOOST_TEST(item(binary_cross_entropy(sigmoid(logits), labels)) == (s + a + b) / 3, near);
}

BOOST_AUTO_TEST_CASE(gradients_with_every_reduction_and_weight) {
  const Tensor column({3, 1}, {0.5f, 0.f, 2.f});
  for (const auto& [name, loss] : all_losses()) {
    const Variable x = fractions({3, 4}, "x", 0.1f), t = fractions({3, 4}, "t", 0.05f);
    const GradcheckOptions options{.reach = 0.09f};  // probabilities stay some
    for (const Reduction reduction : {Reduction::mean, Reduction::sum, Reduction::none}) {
      for (const Tensor& weight : {Tensor(), Tensor(Shape{0}), column, parameter({3, 4}, "weight").value()}) {
        check_gradient([&, &loss = loss] { return loss(x, t, weight, reduction); }, {x, t}, name, options);
        check_gradient([&, &loss = loss] { return loss(x, t.value(), weight, reduction); }, {x}, name, options);
        check_gradient([&, &loss = loss] { return loss(x.value(), t, weight, reduction); }, {t}, name, options);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_larger_differences) {
  Variable x = parameter({5, 4}, "x");
  const Variable t = parameter({5, 4}, "target");
  for (float& v : x.mutable_value().mutable_elements()) v *= 3.f;
  for (const auto& [name, loss] : losses_of_numbers) {
    check_gradient([&, &loss = loss] { return loss(x, t, {}, Reduction::mean); }, {x, t}, name);
  }
}

BOOST_AUTO_TEST_CASE(reductions_and_weights_are_those_of_the_elements) {
  const Variable x = fractions({3, 4}, "x", 0.1f), t = fractions({3, 4}, "t", 0.05f);
  const Tensor weight({4}, {1.f, 0.f, 2.f, 5.f});
  for (const auto& [name, loss] : all_losses()) {
    const Tensor plain = loss(x, t, {}, Reduction::none).value();
    const Tensor weighted = loss(x, t, weight, Reduction::none).value();
    BOOST_CHECK((plain.shape() == Shape{3, 4}));
    double sum = 0;
    for (std::int64_t i = 0; i < 12; ++i) {
      BOOST_TEST(weighted.data()[i] == weight.data()[i % 4] * plain.data()[i]);
      sum += weighted.data()[i];
    }
    const auto near = boost::test_tools::tolerance(1e-6);
    BOOST_TEST(item(loss(x, t, weight, Reduction::sum)) == sum, near);
    BOOST_TEST(item(loss(x, t, weight, Reduction::mean)) == sum / 12, near);
  }
}

// Element losses that floats hold, though not their sum.
BOOST_AUTO_TEST_CASE(means_near_the_ends_of_the_range) {
  const float largest = std::numeric_limits<float>::max();
  for (const std::int64_t n : {1, 4, 68, 1000}) {
    for (const Named& each : losses_of_numbers) {
      const bool squares = each.name == "mean_squared_error", entropy = each.name.starts_with("binary");
      const float size = squares ? 1.8e19f : largest / 4;
      const Variable x = Variable::parameter(Tensor({n, 4}, size)), t = Tensor({n, 4}, 0.f);
      Tape tape;
      const Variable loss = each.loss(x, t, {}, Reduction::mean);
      const float expected = squares ? size * size : each.name == "huber_loss" ? 0.75f * size : size;
      BOOST_TEST(item(loss) == expected, boost::test_tools::tolerance(1e-5f));
      tape.backward(loss);
      const float slope = (squares ? 2 * size : each.name == "huber_loss" ? 0.75f : 1.f) / static_cast<float>(4 * n);
      BOOST_TEST(x.grad().data()[3] == slope, boost::test_tools::tolerance(1e-5f));
      // Exchanged, with differences of the other sign.
      if (!entropy) BOOST_TEST(item(each.loss(t, x.value(), {}, Reduction::mean)) == item(loss));
    }
  }
}

BOOST_AUTO_TEST_CASE(each_is_one_record) {
  const Variable x = fractions({3, 4}, "x", 0.1f), t = fractions({3, 4}, "t", 0.05f);
  for (const auto& [name, loss] : all_losses()) {
    Tape tape;
    loss(x, t, Tensor({1}, 2.f), Reduction::mean);
    BOOST_TEST(tape.size() == 1, name);
  }
}

BOOST_AUTO_TEST_CASE(the_absolute_error_has_no_slope_at_its_kink) {
  const Variable x = Variable::parameter(Tensor({3}, {1.f, 2.f, 3.f}), "x");
  Tape tape;
  tape.backward(mean_absolute_error(x, Tensor({3}, 2.f), {.reduction = Reduction::sum}));
  const std::vector<float> found(x.grad().elements().begin(), x.grad().elements().end());
  BOOST_TEST(found == (std::vector<float>{-1.f, 0.f, 1.f}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_does_not_fit) {
  for (const auto& [name, loss] : all_losses()) {
    BOOST_CHECK_EXCEPTION(loss(Tensor({2, 3}, 0.5f), Tensor({6}, 0.5f), {}, Reduction::mean), ShapeError,
                          [&name = name](const ShapeError& error) {
                            return std::string(error.what()).starts_with(name + ": x [2, 3] and target [6]");
                          });
    BOOST_CHECK_THROW(loss(Tensor(Shape{0}), Tensor(Shape{0}), {}, Reduction::sum), ShapeError);
    const Tensor x({2, 4}, 0.5f);
    BOOST_CHECK_THROW(loss(x, x, Tensor({3}, 1.f), Reduction::mean), ShapeError);
    BOOST_CHECK_EXCEPTION(loss(x, x, Tensor({5, 2, 4}, 1.f), Reduction::mean), ShapeError,
                          [&name = name](const ShapeError& error) {
                            return std::string(error.what()) == name + ": weight [5, 2, 4] does not fit x [2, 4]";
                          });
  }
  const Tensor x({2, 4}, 0.5f);
  BOOST_CHECK_THROW(huber_loss(x, x, {.delta = 0.f}), ConfigError);
  BOOST_CHECK_THROW(huber_loss(x, x, {.delta = std::nanf("")}), ConfigError);
  BOOST_CHECK_THROW(binary_cross_entropy_with_logits(x, x, {.positive_weight = Tensor({3}, 1.f)}), ShapeError);
  for (const float wrong : {1.5f, -0.1f, std::nanf("")}) {
    BOOST_CHECK_EXCEPTION(binary_cross_entropy(Tensor({3}, {0.f, 1.f, wrong}), Tensor({3}, 1.f)), DataError,
                          [](const DataError& error) {
                            return std::string(error.what()).starts_with("binary_cross_entropy: element 2 of x is ");
                          });
  }
}

BOOST_AUTO_TEST_SUITE_END()
