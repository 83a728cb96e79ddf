#include <canopy/autograd/variable.hpp>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(variable)

BOOST_AUTO_TEST_CASE(a_tensor_is_a_constant) {
  Variable constant = Tensor({2}, 1.f);
  BOOST_TEST(!constant.requires_grad());
  BOOST_TEST(!constant.has_grad());
  BOOST_TEST(!constant.sink().needed());
  BOOST_TEST(constant.name().empty());
  constant.accumulate(Tensor({2}, 1.f));  // nobody wants it
  constant.zero_grad();
  BOOST_TEST(!constant.has_grad());
  BOOST_CHECK_THROW(constant.grad(), TapeError);
  BOOST_CHECK_THROW(constant.mutable_grad(), TapeError);
  BOOST_CHECK_THROW(constant.set_name("x"), TapeError);
  BOOST_CHECK_THROW(constant.set_requires_grad(true), TapeError);
}

BOOST_AUTO_TEST_CASE(only_what_nobody_gave_is_undefined) {
  BOOST_TEST(!Variable().is_defined());
  BOOST_TEST(Variable(Tensor()).is_defined());
  BOOST_TEST(Variable(Tensor({0}, 0.f)).is_defined());
  BOOST_TEST(Variable::parameter(Tensor({0}, 0.f)).is_defined());
}

BOOST_AUTO_TEST_CASE(identity) {
  const Variable a = Variable::parameter(Tensor({2}, 1.f), "a"), copy = a;
  const Variable other = Variable::parameter(a.value(), "a");
  BOOST_TEST(a.is_same(copy));
  BOOST_TEST(!a.is_same(other));
  BOOST_TEST(!Variable().is_same(Variable()));
}

BOOST_AUTO_TEST_CASE(copies_see_each_others_gradient_value_and_name) {
  Variable a = Variable::parameter(Tensor({2}, 1.f), "a"), copy = a;
  a.accumulate(Tensor({2}, 3.f));
  BOOST_TEST(copy.grad().data()[1] == 3.f);
  copy.mutable_value().mutable_data()[0] = 5.f;
  BOOST_TEST(a.value().data()[0] == 5.f);
  copy.set_name("weight");
  BOOST_TEST(a.name() == "weight");
  copy.zero_grad();
  BOOST_TEST(!a.has_grad());
  BOOST_CHECK_EXCEPTION(a.grad(), TapeError, [](const TapeError& error) {
    return std::string(error.what()).find("'weight'") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(the_first_gradient_is_kept_and_later_ones_are_added) {
  Variable a = Variable::parameter(Tensor({2}, 1.f), "a");
  const Tensor first({2}, {1.f, 2.f});
  a.accumulate(first);
  BOOST_TEST(a.grad().shares_buffer_with(first));
  a.accumulate(Tensor({2}, {10.f, 20.f}));
  BOOST_TEST(a.grad().data()[1] == 22.f);
  BOOST_TEST(first.data()[1] == 2.f);  // whoever else holds the first one sees no change
}

BOOST_AUTO_TEST_CASE(a_gradient_of_ones_own_is_added_to_in_place) {
  Variable a = Variable::parameter(Tensor({2}, 1.f), "a");
  a.accumulate(Tensor({2}, 1.f));
  const float* place = a.grad().data();
  a.accumulate(Tensor({2}, 1.f));
  BOOST_TEST(a.grad().data() == place);
  BOOST_TEST(a.grad().data()[0] == 2.f);
}

BOOST_AUTO_TEST_CASE(gradients_that_share_a_buffer_stay_apart) {
  Variable a = Variable::parameter(Tensor({2}, 1.f), "a"), b = Variable::parameter(Tensor({1, 2}, 1.f), "b");
  {
    const Tensor dy({2}, 1.f);
    a.accumulate(dy);
    b.accumulate(dy.reshape({1, 2}));
  }
  BOOST_TEST(a.grad().shares_buffer_with(b.grad()));
  a.accumulate(Tensor({2}, 5.f));
  BOOST_TEST(a.grad().data()[0] == 6.f);
  BOOST_TEST(b.grad().data()[0] == 1.f);

  a.zero_grad();
  a.accumulate(b.grad().reshape({2}));
  a.mutable_grad().mutable_data()[0] = 9.f;
  BOOST_TEST(b.grad().data()[0] == 1.f);
  b.mutable_grad().mutable_data()[0] = 8.f;
  BOOST_TEST(a.grad().data()[0] == 9.f);

  // A gradient that is somebody's value, even its own.
  a.zero_grad();
  a.accumulate(a.value());
  a.accumulate(a.value());
  BOOST_TEST(a.grad().data()[0] == 2.f);
  BOOST_TEST(a.value().data()[0] == 1.f);
}

BOOST_AUTO_TEST_CASE(a_gradient_of_another_shape) {
  const Variable a = Variable::parameter(Tensor({2, 3}, 1.f), "weight");
  BOOST_CHECK_EXCEPTION(a.accumulate(Tensor({3, 2}, 1.f)), ShapeError, [](const ShapeError& error) {
    return std::string(error.what()) == "the gradient of weight has the shape [3, 2], its value [2, 3]";
  });
  BOOST_TEST(!a.has_grad());
}

BOOST_AUTO_TEST_CASE(a_frozen_parameter_takes_no_gradient) {
  Variable a = Variable::parameter(Tensor({2}, 1.f), "a");
  a.accumulate(Tensor({2}, 1.f));
  a.set_requires_grad(false);
  BOOST_TEST(!a.has_grad());
  BOOST_TEST(!a.requires_grad());
  a.accumulate(Tensor({2}, 1.f));
  BOOST_TEST(!a.has_grad());
  a.set_requires_grad(true);
  a.accumulate(Tensor({2}, 1.f));
  BOOST_TEST(a.has_grad());
}

BOOST_AUTO_TEST_SUITE_END()
