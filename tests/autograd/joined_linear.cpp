#include <canopy/autograd/joined_linear.hpp>

#include <vector>

#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/shaping.hpp>
#include <canopy/core/error.hpp>

#include "support/errors.hpp"
#include "support/gradcheck.hpp"
#include "support/parameter.hpp"
#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::In;
using test::parameter;
using test::RandomCase;
using test::Real;
using test::Reals;
using test::speaks_of;
using test::to_size;

BOOST_AUTO_TEST_SUITE(joined_linear)

BOOST_AUTO_TEST_CASE(agrees_with_a_twin_in_double) {
  test::check_cases("joined linear", 200, [](RandomCase& each) {
    const std::int64_t inputs = each.extent("inputs", 1, 33), rows = each.extent("rows", 0, 33);
    std::vector<Variable> weights, biases, all{test::input(each.normal({rows, inputs}))};
    std::vector<std::size_t> weight_at, bias_at;
    const std::int64_t maps = each.between("maps", 1, 3);
    for (std::int64_t i = 0; i < maps; ++i) {
      const std::int64_t outputs = each.extent("outputs", 1, 33);
      weights.push_back(test::input(each.normal({outputs, inputs})));
      biases.push_back(each.coin("bias") ? test::input(each.normal({outputs})) : Variable());
      weight_at.push_back(all.size());
      all.push_back(weights.back());
      bias_at.push_back(all.size());
      if (biases.back().is_defined()) all.push_back(biases.back());
    }
    return test::check_against_twin(
        each, all, [&] { return canopy::joined_linear(all[0], weights, biases); },
        [&](In in) {
          Reals y;
          const std::size_t n = to_size(inputs);
          for (std::size_t r = 0; r < to_size(rows); ++r) {
            for (std::size_t i = 0; i < weights.size(); ++i) {
              for (std::size_t o = 0; o < to_size(weights[i].extent(0)); ++o) {
                const Real z = test::dot(&in[0][r * n], &in[weight_at[i]][o * n], n);
                y.push_back(biases[i].is_defined() ? z + in[bias_at[i]][o] : z);
              }
            }
          }
          return y;
        });
  });
}

BOOST_AUTO_TEST_CASE(has_the_right_gradients) {
  const Variable x = parameter({2, 3, 5}, "x"), a = parameter({4, 5}, "a"), b = parameter({2, 5}, "b"),
                 bias = parameter({2}, "bias");
  const std::vector<Variable> weights{a, b}, biases{Variable(), bias};
  test::check_gradient([&] { return canopy::joined_linear(x, weights, biases); }, {x, a, b, bias});
}

BOOST_AUTO_TEST_CASE(frozen_weights_get_no_gradient) {
  Variable x = parameter({3, 5}, "x"), a = parameter({4, 5}, "a"), b = parameter({2, 5}, "b");
  a.set_requires_grad(false);
  const std::vector<Variable> weights{a, b}, biases{Variable(), Variable()};
  test::check_gradient([&] { return canopy::joined_linear(x, weights, biases); }, {x, b});
  BOOST_TEST(!a.has_grad());
}

BOOST_AUTO_TEST_CASE(shapes_are_checked) {
  const std::vector<Variable> two{Tensor({4, 5}), Tensor({2, 5})}, none{Variable(), Variable()}, one{Variable()};
  BOOST_CHECK_THROW(canopy::joined_linear(Tensor({3, 5}), two, one), ShapeError);
  BOOST_CHECK_THROW(canopy::joined_linear(Tensor({3, 5}), {}, {}), ShapeError);
  BOOST_CHECK_EXCEPTION(canopy::joined_linear(Tensor({3, 4}), two, none), ShapeError,
                        speaks_of("weight 0", "[3, 4]", "[4, 5]"));
  const std::vector<Variable> wrong{Variable(), Tensor(Shape{3})};
  BOOST_CHECK_EXCEPTION(canopy::joined_linear(Tensor({3, 5}), two, wrong), ShapeError,
                        speaks_of("bias 1", "[3]", "[2]"));
}

BOOST_AUTO_TEST_SUITE_END()
