#include <canopy/autograd/shaping.hpp>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include "support/errors.hpp"
#include "support/gradcheck.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::check_gradient;
using test::says;

BOOST_AUTO_TEST_SUITE(shaping)

namespace {

Variable parameter(const Shape& shape, std::string name = "x") {
  Tensor value(shape);
  RandomStream(shape.size(), name).fill_normal(value.mutable_elements(), 0.f, 1.f);
  return Variable::parameter(value, std::move(name));
}

// 0, 1, 2, ...
Tensor count(const Shape& shape) {
  Tensor result(shape);
  float next = 0;
  for (float& v : result.mutable_elements()) v = next++;
  return result;
}

void check_elements(const Tensor& found, const Shape& shape, const std::vector<float>& expected) {
  BOOST_TEST_CONTEXT("shape " << found.shape().to_string()) {
    BOOST_CHECK(found.shape() == shape);
    BOOST_TEST(std::vector<float>(found.elements().begin(), found.elements().end()) == expected,
               boost::test_tools::per_element());
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(reshape_shares_and_its_gradient_has_the_old_shape) {
  const Variable x = parameter({2, 6});
  BOOST_TEST(reshape(x, {3, 4}).value().shares_buffer_with(x.value()));
  check_gradient([&] { return reshape(x, {3, 2, 2}); }, {x});
  BOOST_CHECK_EXCEPTION(reshape(x, {5, 2}), ShapeError, says("reshape: [2, 6] has 12 elements, [5, 2] has 10"));
}

BOOST_AUTO_TEST_CASE(concatenate_joins_along_an_axis) {
  const Variable a(count({2, 2})), b(count({2, 1})), none(Tensor({2, 0}));
  check_elements(concatenate({a, none, b}, 1).value(), {2, 3}, {0, 1, 0, 2, 3, 1});
  check_elements(concatenate({a, a}, -2).value(), {4, 2}, {0, 1, 2, 3, 0, 1, 2, 3});
  check_elements(concatenate({a}, 0).value(), {2, 2}, {0, 1, 2, 3});
}

BOOST_AUTO_TEST_CASE(concatenate_has_the_right_gradient) {
  const Variable a = parameter({2, 3, 2}, "a"), b = parameter({2, 1, 2}, "b"), c = parameter({2, 3, 5}, "c");
  check_gradient([&] { return concatenate({a, b, a}, 1); }, {a, b});
  check_gradient([&] { return concatenate({a, Tensor({2, 3, 1}, 4.f), c}, -1); }, {a, c});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_concatenated) {
  const Variable a(count({2, 2})), b(count({3, 1})), scalar(Tensor::scalar(1.f));
  BOOST_CHECK_EXCEPTION(
      concatenate({a, b}, 1), ShapeError,
      says("concatenate: part 1 has the shape [3, 1], part 0 [2, 2]; they may differ in axis 1 only"));
  BOOST_CHECK_THROW(concatenate({a, Tensor({4}, 0.f)}, 0), ShapeError);
  BOOST_CHECK_THROW(concatenate({}, 0), ShapeError);
  BOOST_CHECK_THROW(concatenate({a, a}, 2), ShapeError);
  BOOST_CHECK_THROW(concatenate({scalar, scalar}, 0), ShapeError);
}

BOOST_AUTO_TEST_CASE(slice_cuts_out_of_any_axis) {
  const Variable x(count({2, 3, 2}));
  check_elements(slice(x, 0, 1, 2).value(), {1, 3, 2}, {6, 7, 8, 9, 10, 11});
  check_elements(slice(x, 1, 1, 3).value(), {2, 2, 2}, {2, 3, 4, 5, 8, 9, 10, 11});
  check_elements(slice(x, -1, 0, 1).value(), {2, 3, 1}, {0, 2, 4, 6, 8, 10});
  check_elements(slice(x, 1, 2, 2).value(), {2, 0, 2}, {});
}

BOOST_AUTO_TEST_CASE(slice_has_the_right_gradient) {
  const Variable x = parameter({3, 4, 2});
  check_gradient([&] { return slice(x, 0, 1, 3); }, {x});
  check_gradient([&] { return slice(x, 1, 1, 3); }, {x});
  check_gradient([&] { return slice(x, -1, 1, 2); }, {x});
  // Overlapping parts of one variable add up.
  check_gradient([&] { return concatenate({slice(x, 1, 0, 3), slice(x, 1, 2, 4)}, 1); }, {x});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_sliced) {
  const Variable x(count({2, 3}));
  BOOST_CHECK_EXCEPTION(slice(x, 1, 1, 4), ShapeError, says("slice: [1, 4) of axis 1 of the shape [2, 3]"));
  BOOST_CHECK_THROW(slice(x, 1, -1, 2), ShapeError);
  BOOST_CHECK_THROW(slice(x, 1, 2, 1), ShapeError);
  BOOST_CHECK_THROW(slice(x, 2, 0, 1), ShapeError);
}

BOOST_AUTO_TEST_CASE(transpose_turns_a_matrix) {
  check_elements(transpose(count({2, 3})).value(), {3, 2}, {0, 3, 1, 4, 2, 5});
  const Variable x = parameter({3, 5});
  check_gradient([&] { return transpose(x); }, {x});
  BOOST_CHECK_EXCEPTION(transpose(count({2, 3, 1})), ShapeError, says("transpose: a matrix is needed, not [2, 3, 1]"));
}

BOOST_AUTO_TEST_SUITE_END()
