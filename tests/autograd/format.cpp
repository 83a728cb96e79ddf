#include <canopy/autograd/format.hpp>

#include <sstream>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/autograd/tape.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(format)

BOOST_AUTO_TEST_CASE(variables_show_value_name_and_whether_a_gradient_is_wanted) {
  Variable w = Variable::parameter(Tensor({2, 2}, {1.f, 2.5f, 3.f, 4.f}), "layer.weight");
  BOOST_TEST(to_string(w) ==
             "Variable([[1. , 2.5],\n"
             "          [3. , 4. ]], shape=[2, 2], name=layer.weight, requires_grad=true)");
  w.set_requires_grad(false);
  BOOST_TEST(fmt::format("{}", w) ==
             "Variable([[1. , 2.5],\n"
             "          [3. , 4. ]], shape=[2, 2], name=layer.weight)");
  const Variable constant = Tensor({2}, 1.f), x = Variable::parameter(Tensor::scalar(3.f));
  BOOST_TEST(to_string(constant) == "Variable([1., 1.], shape=[2])");
  BOOST_TEST(to_string(Variable()) == "Variable()");
  Tape tape;
  std::ostringstream out;
  out << x * 2.f;
  BOOST_TEST(out.str() == "Variable(6., requires_grad=true)");
}

BOOST_AUTO_TEST_SUITE_END()
