#include <canopy/autograd/linear.hpp>

#include <cmath>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(linear)

namespace {

Tensor uniform(const Shape& shape, std::string_view purpose) {
  Tensor values(shape);
  RandomStream(3, purpose).fill_uniform(values.mutable_elements(), -1.f, 1.f);
  return values;
}

Variable parameter(const Shape& shape, const char* name) { return Variable::parameter(uniform(shape, name), name); }

}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Tensor x({2, 2}, {1.f, 2.f, 3.f, -4.f});
  const Tensor weight({3, 2}, {1.f, 0.f, 0.f, 1.f, 1.f, 1.f});
  const Tensor bias({3}, {10.f, 20.f, -30.f});
  const Variable y = canopy::linear(x, weight, bias, Activation::relu);
  const float expected[] = {11.f, 22.f, 0.f, 13.f, 16.f, 0.f};
  BOOST_TEST(y.value().elements() == expected, boost::test_tools::per_element());
  BOOST_CHECK((canopy::linear(uniform({4, 3, 2}, "x"), weight).shape() == Shape{4, 3, 3}));
  BOOST_CHECK((canopy::linear(uniform({2}, "x"), weight).shape() == Shape{3}));
  BOOST_CHECK((canopy::linear(uniform({0, 2}, "x"), weight, bias).shape() == Shape{0, 3}));
}

BOOST_AUTO_TEST_CASE(gradients_for_any_rank_and_activation) {
  const Activation activations[] = {Activation::identity, Activation::relu, Activation::gelu,    Activation::gelu_tanh,
                                    Activation::sigmoid,  Activation::tanh, Activation::softplus};
  for (const Shape& shape : {Shape{5}, Shape{7, 5}, Shape{2, 3, 5}, Shape{0, 5}}) {
    for (const Activation activation : activations) {
      Variable x = parameter(shape, "x");
      Variable weight = parameter({4, 5}, "weight");
      Variable bias = parameter({4}, "bias");
      // No sum may lie so near zero that the step crosses the kink of the ReLU.
      if (activation == Activation::relu) {
        const Tensor z = canopy::linear(x, weight, bias).value();
        for (const float v : z.elements()) BOOST_REQUIRE_GT(std::abs(v), 0.011f);
      }
      const auto with_bias = gradcheck([&] { return canopy::linear(x, weight, bias, activation); }, {x, weight, bias});
      BOOST_TEST(with_bias.passed, shape.to_string() << ' ' << to_string(activation) << ": " << with_bias.message);
      if (activation == Activation::relu) continue;
      const auto without = gradcheck([&] { return canopy::linear(x, weight, {}, activation); }, {x, weight});
      BOOST_TEST(without.passed, shape.to_string() << ' ' << to_string(activation) << ": " << without.message);
    }
  }
}

BOOST_AUTO_TEST_CASE(only_what_is_needed_gets_a_gradient) {
  const Tensor x = uniform({6, 5}, "x");
  Variable weight = parameter({4, 5}, "weight");
  Variable bias = parameter({4}, "bias");
  weight.set_requires_grad(false);
  Tape tape;
  const Variable y = canopy::linear(x, weight, bias, Activation::gelu);
  tape.backward(sum(y));
  BOOST_TEST(!weight.has_grad());
  BOOST_TEST(bias.has_grad());
}

// The gradient of a weight alone needs x, not the weight: an update of it in between is allowed, one of x is not.
BOOST_AUTO_TEST_CASE(the_tape_watches_what_backward_reads) {
  Tensor x = uniform({6, 5}, "x");
  Variable weight = parameter({4, 5}, "weight");
  {
    Tape tape;
    const Variable loss = sum(canopy::linear(x, weight));
    weight.mutable_value().mutable_data()[0] += 1;
    tape.backward(loss);
    BOOST_TEST(weight.has_grad());
  }
  Tape tape;
  const Variable loss = sum(canopy::linear(x, weight));
  x.mutable_data()[0] += 1;
  BOOST_CHECK_THROW(tape.backward(loss), TapeError);
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_fit) {
  const Tensor weight({4, 5});
  BOOST_CHECK_THROW(canopy::linear(Tensor({3, 4}), weight), ShapeError);
  BOOST_CHECK_THROW(canopy::linear(Tensor(Shape{}), weight), ShapeError);
  BOOST_CHECK_THROW(canopy::linear(Tensor({3, 5}), Tensor({5})), ShapeError);
  BOOST_CHECK_THROW(canopy::linear(Tensor({3, 5}), weight, Tensor({5})), ShapeError);
  BOOST_CHECK_THROW(matmul(Tensor({3, 5}), Tensor({4, 5})), ShapeError);
  BOOST_CHECK_THROW(matmul(Tensor({3}), Tensor({3, 5})), ShapeError);
}

BOOST_AUTO_TEST_CASE(matmul_values_and_gradients) {
  const Variable c = matmul(Tensor({2, 2}, {1.f, 2.f, 3.f, 4.f}), Tensor({2, 1}, {5.f, 6.f}));
  const float expected[] = {17.f, 39.f};
  BOOST_TEST(c.value().elements() == expected, boost::test_tools::per_element());
  for (const auto& [m, k, n] : {std::array{3, 4, 5}, std::array{1, 17, 2}, std::array{2, 1, 3}, std::array{2, 0, 3}}) {
    Variable a = parameter({m, k}, "a");
    Variable b = parameter({k, n}, "b");
    const auto result = gradcheck([&] { return matmul(a, b); }, {a, b});
    BOOST_TEST(result.passed, result.message);
  }
}

BOOST_AUTO_TEST_SUITE_END()
