#include <canopy/autograd/activations.hpp>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(activations)

namespace {

constexpr Activation all[] = {Activation::identity, Activation::relu, Activation::gelu,    Activation::gelu_tanh,
                              Activation::sigmoid,  Activation::tanh, Activation::softplus};

}  // namespace

BOOST_AUTO_TEST_CASE(values) {
  const Variable x = Tensor({2, 2}, {-1.f, 0.f, 1.f, 2.f});
  const auto tolerance = boost::test_tools::tolerance(1e-6f);
  BOOST_TEST(relu(x).value().data()[0] == 0.f);
  BOOST_TEST(relu(x).value().data()[3] == 2.f);
  BOOST_TEST(gelu(x).value().data()[2] == 0.84134475f, tolerance);
  BOOST_TEST(sigmoid(x).value().data()[2] == 0.73105858f, tolerance);
  BOOST_TEST(canopy::tanh(x).value().data()[0] == -0.76159416f, tolerance);
  BOOST_TEST(softplus(x).value().data()[1] == 0.69314718f, tolerance);
  BOOST_CHECK((gelu(x).shape() == Shape{2, 2}));
}

BOOST_AUTO_TEST_CASE(gradients) {
  Tensor start({3, 7});
  RandomStream(1, "x").fill_uniform(start.mutable_elements(), -3.f, 3.f);
  for (float& v : start.mutable_elements()) v += v >= 0.f ? 0.1f : -0.1f;  // away from the corner of ReLU
  const Variable x = Variable::parameter(start, "x");
  for (const Activation activation : all) {
    const auto result = gradcheck([&] { return activate(activation, x); }, {x});
    BOOST_TEST(result.passed, to_string(activation) << ": " << result.message);
  }
}

BOOST_AUTO_TEST_CASE(identity_records_nothing) {
  const Variable x = Variable::parameter(Tensor({2}, 1.f));
  const Tape tape;
  BOOST_TEST(activate(Activation::identity, x).is_same(x));
  BOOST_TEST(tape.size() == 0);
}

// ReLU holds its output only, GELU its input: writing the other one is allowed.
BOOST_AUTO_TEST_CASE(only_what_is_held_must_not_be_overwritten) {
  Tensor hidden({2}, 1.f);
  Variable x = Variable::parameter(hidden, "x");
  {
    Tape tape;
    const Variable y = relu(x);
    const Variable loss = record("first", {y}, Tensor::scalar(0.f), keep(),
                                 [dy = y.sink()](const Tensor&) { dy.accumulate(Tensor({2}, 1.f)); });
    x.mutable_value().mutable_data()[0] = 5.f;
    tape.backward(loss);
    BOOST_TEST(x.grad().data()[0] == 1.f);
  }
  {
    Tape tape;
    const Variable y = gelu(x);
    const Variable loss = record("first", {y}, Tensor::scalar(0.f), keep(),
                                 [dy = y.sink()](const Tensor&) { dy.accumulate(Tensor({2}, 1.f)); });
    x.mutable_value().mutable_data()[0] = 5.f;
    BOOST_CHECK_THROW(tape.backward(loss), TapeError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
