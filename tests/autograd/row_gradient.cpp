#include <canopy/autograd/embedding.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/autograd/variable.hpp>
#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(row_gradient)

namespace {

RowGradient rows_of(std::initializer_list<std::int32_t> rows, std::initializer_list<float> values) {
  const auto n = static_cast<std::int64_t>(rows.size());
  return {Indices({n}, rows), Tensor({n, 2}, values)};
}

void check_elements(const Tensor& found, const std::vector<float>& expected) {
  const std::span<const float> elements = found.elements();
  BOOST_TEST(elements == expected, boost::test_tools::per_element());
}

Variable parameter() { return Variable::parameter(Tensor({4, 2}, 0.f), "p"); }

}  // namespace

BOOST_AUTO_TEST_CASE(stays_sparse_until_something_dense_is_wanted) {
  Variable p = parameter();
  p.accumulate(rows_of({1, 3}, {1, 2, 3, 4}));
  BOOST_TEST(p.has_grad());
  BOOST_TEST(p.has_row_grad());
  p.accumulate(rows_of({0, 3}, {10, 20, 30, 40}));
  BOOST_TEST(p.row_grad().rows.elements().size() == 3U);
  check_elements(p.row_grad().values, {10, 20, 1, 2, 33, 44});
  p.mutable_grad();
  BOOST_TEST(!p.has_row_grad());
  check_elements(p.grad(), {10, 20, 1, 2, 0, 0, 33, 44});
  BOOST_CHECK_THROW(p.row_grad(), TapeError);
  BOOST_CHECK_THROW(p.mutable_row_values(), TapeError);
  p.zero_grad();
  BOOST_TEST(!p.has_grad());
}

// Whatever is done to a gradient between two looks, the second one shows it, and none changes what it is.
BOOST_AUTO_TEST_CASE(looking_changes_nothing) {
  Variable p = parameter();
  p.accumulate(rows_of({1}, {1, 2}));
  check_elements(p.grad(), {0, 0, 1, 2, 0, 0, 0, 0});
  BOOST_TEST(p.grad().shares_buffer_with(p.grad()));
  p.accumulate(rows_of({3}, {3, 4}));
  check_elements(p.grad(), {0, 0, 1, 2, 0, 0, 3, 4});
  p.mutable_row_values().mutable_data()[0] = 5;
  check_elements(p.grad(), {0, 0, 5, 2, 0, 0, 3, 4});
  Tensor& values = p.mutable_row_values();
  check_elements(p.grad(), {0, 0, 5, 2, 0, 0, 3, 4});
  values.mutable_data()[1] = 6;
  check_elements(p.grad(), {0, 0, 5, 6, 0, 0, 3, 4});
  const Tensor shown = p.grad();
  BOOST_TEST(p.has_row_grad());
  BOOST_TEST(p.row_grad().rows.size() == 2);
  p.accumulate(Tensor({4, 2}, 1.f));
  BOOST_TEST(!p.has_row_grad());
  check_elements(p.grad(), {1, 1, 6, 7, 1, 1, 4, 5});
  check_elements(shown, {0, 0, 5, 6, 0, 0, 3, 4});
  p.zero_grad();
  p.accumulate(rows_of({0}, {1, 2}));
  check_elements(p.grad(), {1, 2, 0, 0, 0, 0, 0, 0});
}

// The buffer that is cloned for writing counts versions of its own.
BOOST_AUTO_TEST_CASE(a_look_at_a_shared_gradient_does_not_grow_old) {
  Variable p = parameter();
  RowGradient grad = rows_of({1}, {0, 0});
  grad.values.mutable_data()[0] = 1;
  p.accumulate(grad);
  check_elements(p.grad(), {0, 0, 1, 0, 0, 0, 0, 0});
  p.mutable_row_values().mutable_data()[0] = 2;
  check_elements(p.grad(), {0, 0, 2, 0, 0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(adds_to_dense_gradients_in_either_order) {
  for (const bool dense_first : {false, true}) {
    Variable p = parameter();
    const Tensor dense({4, 2}, 1.f);
    if (dense_first) p.accumulate(dense);
    p.accumulate(rows_of({2}, {5, 6}));
    if (!dense_first) p.accumulate(dense);
    BOOST_TEST(!p.has_row_grad());
    check_elements(p.grad(), {1, 1, 1, 1, 6, 7, 1, 1});
    check_elements(dense, {1, 1, 1, 1, 1, 1, 1, 1});  // was not written through
  }
}

BOOST_AUTO_TEST_CASE(a_shared_buffer_is_cloned_before_it_is_written) {
  Variable p = parameter(), q = parameter();
  const RowGradient grad = rows_of({1}, {1, 2});
  p.accumulate(grad);
  q.accumulate(grad);
  p.mutable_row_values().mutable_data()[0] = 7;
  check_elements(q.row_grad().values, {1, 2});
  p.zero_grad();
  BOOST_TEST(!p.has_row_grad());
}

BOOST_AUTO_TEST_CASE(no_rows_at_all_are_a_gradient_of_zeros) {
  Variable p = parameter();
  p.accumulate(RowGradient{Indices({0}), Tensor({0, 2})});
  p.accumulate(rows_of({2}, {5, 6}));
  check_elements(p.grad(), {0, 0, 0, 0, 5, 6, 0, 0});
}

BOOST_AUTO_TEST_CASE(rows_that_do_not_fit_are_refused) {
  Variable p = parameter();
  BOOST_CHECK_THROW(p.accumulate(rows_of({3, 1}, {1, 2, 3, 4})), ShapeError);
  BOOST_CHECK_THROW(p.accumulate(rows_of({1, 1}, {1, 2, 3, 4})), ShapeError);
  BOOST_CHECK_THROW(p.accumulate(rows_of({4}, {1, 2})), ShapeError);
  BOOST_CHECK_THROW(p.accumulate(rows_of({-1}, {1, 2})), ShapeError);
  BOOST_CHECK_THROW(p.accumulate(RowGradient{Indices({1}, 0), Tensor({1, 3})}), ShapeError);
  BOOST_CHECK_THROW(p.accumulate(RowGradient{Indices({2}, {0, 1}), Tensor({1, 2})}), ShapeError);
  BOOST_TEST(!p.has_grad());
  p.set_requires_grad(false);
  p.accumulate(rows_of({1}, {1, 2}));
  BOOST_TEST(!p.has_grad());
}

BOOST_AUTO_TEST_CASE(an_embedding_s_table_gets_one) {
  Variable table = parameter();
  Tape tape;
  const Variable y = embedding(table, Indices({3}, {3, 1, 3}));
  tape.backward(record("sum", {y}, Tensor::scalar(0.f), keep(), [dy = y.sink()](const Tensor&) {
    dy.accumulate(Tensor({3, 2}, {1, 2, 3, 4, 5, 6}));
  }));
  BOOST_REQUIRE(table.has_row_grad());
  BOOST_TEST(table.row_grad().rows.data()[0] == 1);
  BOOST_TEST(table.row_grad().rows.data()[1] == 3);
  check_elements(table.row_grad().values, {3, 4, 6, 8});
}

// The value of an operation that is looked up in gets its gradient whole: its own backward expects that.
BOOST_AUTO_TEST_CASE(operations_receive_dense_gradients) {
  Variable p = parameter();
  Tape tape;
  const Variable twice = record("twice", {p}, p.value().clone(), keep(), [dp = p.sink()](const Tensor& dy) {
    Tensor grad = dy.clone();
    for (float& g : grad.mutable_elements()) g *= 2;
    dp.accumulate(grad);
  });
  const Variable y = embedding(twice, Indices({1}, {2}));
  tape.backward(record("sum", {y}, Tensor::scalar(0.f), keep(), [dy = y.sink()](const Tensor&) {
    dy.accumulate(Tensor({1, 2}, {1, 2}));
  }));
  check_elements(p.grad(), {0, 0, 0, 0, 2, 4, 0, 0});
}

BOOST_AUTO_TEST_SUITE_END()
