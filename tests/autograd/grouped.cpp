#include <canopy/autograd/grouped.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <canopy/autograd/gradcheck.hpp>
#include <canopy/autograd/reductions.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include "support/parameter.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;

BOOST_AUTO_TEST_SUITE(grouped)

BOOST_AUTO_TEST_CASE(gradients_in_every_layout_and_order) {
  const Indices routes[] = {Indices({6}, {2, 0, 2, 2, 0, 2}), Indices({3, 2}, {2, 0, 0, 3, 3, 2}),
                            Indices({4}, {1, 1, 1, 1}), Indices({1}, {3}),
                            Indices({0}, std::span<const std::int32_t>{})};
  for (const Indices& route : routes) {
    const Groups groups(route, 4);
    for (const GroupedWeights layout : {GroupedWeights::outputs_by_inputs, GroupedWeights::inputs_by_outputs}) {
      for (const RowOrder input : {RowOrder::given, RowOrder::grouped}) {
        for (const RowOrder output : {RowOrder::given, RowOrder::grouped}) {
          if (output == RowOrder::given && groups.choices() > 1) continue;
          Variable x = parameter({input == RowOrder::given ? groups.rows() : groups.items(), 3}, "x");
          Variable weight =
              parameter(layout == GroupedWeights::outputs_by_inputs ? Shape{4, 2, 3} : Shape{4, 3, 2}, "w");
          Variable bias = parameter({4, 2}, "b");
          for (const Activation activation : {Activation::identity, Activation::gelu, Activation::tanh}) {
            const auto f = [&] {
              return grouped_linear(x, groups, weight, bias,
                                    {.activation = activation, .weights = layout, .input = input, .output = output});
            };
            const GradcheckResult result = gradcheck(f, {x, weight, bias});
            BOOST_TEST(result.passed, route.shape().to_string() << ' ' << result.message);
          }
          weight.set_requires_grad(false);
          const GradcheckResult result = gradcheck(
              [&] {
                return grouped_linear(x, groups, weight, bias, {.weights = layout, .input = input, .output = output});
              },
              {x, bias});
          BOOST_TEST(result.passed, "frozen weight " << result.message);
        }
      }
    }
    Variable u = parameter({groups.items(), 5}, "u"), gates = parameter({groups.rows(), groups.choices()}, "gates");
    const GradcheckResult result = gradcheck([&] { return combine(u, groups, gates); }, {u, gates});
    BOOST_TEST(result.passed, "combine " << result.message);
    const GradcheckResult sums = gradcheck([&] { return sum_by_group(gates, groups); }, {gates});
    BOOST_TEST(sums.passed, "sum_by_group " << sums.message);
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_summed_by_group) {
  const Groups groups(Indices({3, 2}, {2, 0, 0, 3, 3, 2}), 5);
  const Tensor sums = sum_by_group(Tensor({3, 2}, {1.f, 2.f, 4.f, 8.f, 16.f, 32.f}), groups).value();
  const float expected[] = {6.f, 0.f, 33.f, 24.f, 0.f};
  BOOST_TEST(std::ranges::equal(sums.elements(), expected));
}

BOOST_AUTO_TEST_CASE(groups_without_rows_have_no_gradient) {
  const Groups groups(Indices({3}, {5, 2, 5}), 7);
  Variable x = parameter({3, 4}, "x"), weight = parameter({7, 6, 4}, "w"), bias = parameter({7, 6}, "b");
  Tape tape;
  tape.backward(sum(grouped_linear(x, groups, weight, bias)));
  for (const Variable& parameter : {weight, bias}) {
    const std::int64_t width = parameter.size() / 7;
    for (std::int64_t g = 0; g < 7; ++g) {
      const float* row = parameter.grad().data() + g * width;
      BOOST_TEST(std::any_of(row, row + width, [](float v) { return v != 0; }) == (g == 2 || g == 5));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_on_any_number_of_threads) {
  const std::int64_t rows = 700, k = 2, inputs = 90, outputs = 70, experts = 9;
  Indices chosen({rows, k});
  RandomStream stream(0, "route");
  for (std::int64_t i = 0; i < rows; ++i) {  // nine of ten rows first choose expert 4
    chosen.mutable_data()[i * k] = stream() % 10 != 0 ? 4 : static_cast<std::int32_t>(stream() % experts);
    chosen.mutable_data()[i * k + 1] = static_cast<std::int32_t>(stream() % experts);
  }
  test::same_bits_on_any_threads([&] {
    const Groups groups(chosen, experts);
    Variable x = parameter({rows, inputs}, "x"), gates = parameter({rows, k}, "gates");
    Variable w1 = parameter({experts, 32, inputs}, "w1"), b1 = parameter({experts, 32}, "b1");
    Variable w2 = parameter({experts, 32, outputs}, "w2"), b2 = parameter({experts, outputs}, "b2");
    Tape tape;
    const Variable hidden = grouped_linear(x, groups, w1, b1, {.activation = Activation::gelu});
    const Variable out = grouped_linear(hidden, groups, w2, b2,
                                        {.weights = GroupedWeights::inputs_by_outputs, .input = RowOrder::grouped});
    const Variable y = combine(out, groups, gates);
    tape.backward(sum(y));
    return std::vector{y.value(), x.grad(), gates.grad(), w1.grad(), b1.grad(), w2.grad(), b2.grad()};
  });
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused) {
  const Groups groups(Indices({2, 2}, {0, 1, 1, 2}), 3);
  const Tensor x({2, 4}), weight({3, 5, 4});
  BOOST_CHECK_THROW(Groups(Indices({2}, {0, 3}), 3), ShapeError);
  BOOST_CHECK_THROW(Groups(Indices({2}, {0, -1}), 3), ShapeError);
  BOOST_CHECK_THROW(Groups(Indices({1, 1, 1}, {0}), 3), ShapeError);
  BOOST_CHECK_THROW(grouped_linear(Tensor({4, 4}), groups, weight, {}), ShapeError);
  BOOST_CHECK_THROW(grouped_linear(x, groups, weight, {}, {.input = RowOrder::grouped}), ShapeError);
  BOOST_CHECK_THROW(grouped_linear(x, groups, Tensor({2, 5, 4}), {}), ShapeError);
  BOOST_CHECK_THROW(grouped_linear(x, groups, Tensor({3, 4}), {}), ShapeError);
  BOOST_CHECK_THROW(grouped_linear(x, groups, weight, Tensor({3, 4})), ShapeError);
  BOOST_CHECK_THROW(grouped_linear(x, groups, weight, {}, {.output = RowOrder::given}), ConfigError);
  BOOST_CHECK_THROW(canopy::combine(Tensor({3, 5}), groups, Tensor({2, 2})), ShapeError);
  BOOST_CHECK_THROW(canopy::combine(Tensor({4, 5}), groups, Tensor({2, 1})), ShapeError);
  BOOST_CHECK_THROW(sum_by_group(Tensor({4}), groups), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
