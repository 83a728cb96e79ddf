// Packed weights give what the others give, and are forgotten with the first write.
#include <cmath>
#include <vector>

#include <canopy/autograd/joined_linear.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include "support/errors.hpp"
#include "support/parameter.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;
using test::speaks_of;

BOOST_AUTO_TEST_SUITE(pack)

namespace {

void check_close(const Variable& x, const Variable& y) {
  BOOST_REQUIRE(x.shape() == y.shape());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    BOOST_REQUIRE_SMALL(std::abs(x.value().data()[i] - y.value().data()[i]), 1e-5f);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(linear_gives_the_same) {
  for (const std::int64_t rows : {0, 1, 4, 5, 13, 40}) {
    for (const Activation activation : {Activation::identity, Activation::relu, Activation::gelu}) {
      for (const bool biased : {false, true}) {
        const Variable x = parameter({rows, 37}, "x"), bias = biased ? parameter({45}, "bias") : Variable();
        Variable weight = parameter({45, 37}, "weight");
        const Variable before = canopy::linear(x, weight, bias, activation);
        weight.pack();
        BOOST_TEST(weight.packed());
        check_close(canopy::linear(x, weight, bias, activation), before);
        check_close(canopy::linear(x.value(), weight, bias, activation), before);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(joined_linear_gives_the_same) {
  const Variable x = parameter({2, 9, 37}, "x");
  std::vector<Variable> weights{parameter({45, 37}, "a"), parameter({5, 37}, "b")}, biases{{}, parameter({5}, "bias")};
  const Variable before = canopy::joined_linear(x, weights, biases);
  weights[1].pack();  // one of them alone
  check_close(canopy::joined_linear(x, weights, biases), before);
  weights[0].pack();
  check_close(canopy::joined_linear(x, weights, biases), before);
}

BOOST_AUTO_TEST_CASE(weights_without_inputs_or_outputs) {
  for (const Shape& shape : {Shape{3, 0}, Shape{0, 3}, Shape{0, 0}}) {
    Variable weight = Variable::parameter(Tensor(shape));
    weight.pack();
    const Variable y = canopy::linear(Tensor({6, shape[1]}, 1.f), weight);
    BOOST_CHECK((y.shape() == Shape{6, shape[0]}));
    for (const float v : y.value().elements()) BOOST_TEST(v == 0.f);
  }
}

BOOST_AUTO_TEST_CASE(a_write_is_seen) {
  const Variable x = Tensor({6, 8}, 1.f);
  Variable weight = parameter({4, 8}, "weight");
  const Variable copy = weight;
  const auto fill = [](Tensor& tensor, float value) {
    for (float& v : tensor.mutable_elements()) v = value;
  };
  weight.pack();
  BOOST_TEST(copy.packed() == weight.packed());  // the same variable
  fill(weight.mutable_value(), 2.f);
  BOOST_TEST(!weight.packed());
  BOOST_TEST(!copy.packed());
  BOOST_TEST(canopy::linear(x, weight).value().elements()[0] == 16.f);
  weight.pack();
  BOOST_TEST(canopy::linear(x, copy).value().elements()[0] == 16.f);

  weight.mutable_value() = Tensor({4, 8}, 3.f);  // another buffer, as new as the packed one was
  BOOST_TEST(!weight.packed());
  BOOST_TEST(canopy::linear(x, weight).value().elements()[0] == 24.f);
  weight.pack();
  BOOST_TEST(weight.packed());
}

BOOST_AUTO_TEST_CASE(what_is_recorded_is_as_without) {
  const Variable x = parameter({6, 8}, "x");
  Variable weight = parameter({4, 8}, "weight");
  const auto gradients = [&] {
    Tape tape;
    const Variable y = canopy::linear(x, weight, {}, Activation::gelu);
    tape.backward(sum(y));
    return std::pair(y.value(), weight.grad().clone());
  };
  const auto [y, dw] = gradients();
  weight.zero_grad();
  weight.pack();
  const auto [y_packed, dw_packed] = gradients();
  BOOST_TEST(y.elements() == y_packed.elements(), boost::test_tools::per_element());
  BOOST_TEST(dw.elements() == dw_packed.elements(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_packed) {
  Variable undefined, constant = Tensor({4, 8}), vector = parameter({4}, "offsets");
  BOOST_CHECK_THROW(undefined.pack(), TapeError);
  BOOST_CHECK_THROW(constant.pack(), TapeError);
  BOOST_CHECK_EXCEPTION(vector.pack(), ShapeError, speaks_of("offsets", "[4]", "[outputs, inputs]"));
  BOOST_TEST(!undefined.packed());
  BOOST_TEST(!constant.packed());
  BOOST_TEST(!vector.packed());
}

BOOST_AUTO_TEST_SUITE_END()
