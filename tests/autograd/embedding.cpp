#include <canopy/autograd/embedding.hpp>

#include <functional>
#include <optional>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include "support/errors.hpp"
#include "support/gradcheck.hpp"
#include "support/parameter.hpp"
#include "support/reference.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::check_gradient;
using test::parameter;
using test::same_bits;
using test::says;

BOOST_AUTO_TEST_SUITE(embedding)

namespace {

// Gradients of sum(y * dy).
void backward(Tape& tape, const Variable& y, const Tensor& upstream) {
  tape.backward(record("sum(y * dy)", {y}, Tensor::scalar(0.f), keep(),
                       [dy = y.sink(), upstream](const Tensor&) { dy.accumulate(upstream); }));
}

}  // namespace

BOOST_AUTO_TEST_CASE(rows_are_looked_up) {
  const Variable table(Tensor({3, 2}, {0, 1, 2, 3, 4, 5}));
  BOOST_TEST(same_bits(canopy::embedding(table, Indices({2, 2}, {2, 0, 2, 1})).value(),
                       Tensor({2, 2, 2}, {4, 5, 0, 1, 4, 5, 2, 3})));
  BOOST_TEST(same_bits(canopy::embedding(Tensor({3}, {0, 1, 2}), Indices({2}, {1, 1})).value(), Tensor({2}, {1, 1})));
  BOOST_TEST(same_bits(canopy::embedding(table, Indices(Shape{0})).value(), Tensor({0, 2})));
  BOOST_TEST(same_bits(canopy::embedding(table, Indices::scalar(1)).value(), Tensor({2}, {2, 3})));
}

BOOST_AUTO_TEST_CASE(rows_have_the_right_gradient) {
  const Variable table = parameter({4, 3}, "table");
  check_gradient([&] { return canopy::embedding(table, Indices({2, 3}, {3, 0, 3, 3, 1, 0})); }, {table});
  check_gradient([&] { return canopy::embedding(table, Indices(Shape{0})); }, {table});
  const Variable wide = parameter({5, 2, 40}, "wide");  // the kernel's other way
  check_gradient([&] { return canopy::embedding(wide, Indices({4}, {4, 0, 4, 4})); }, {wide});
}

BOOST_AUTO_TEST_CASE(the_padding_row_is_looked_up_but_has_no_gradient) {
  for (const std::int64_t width : {3, 100}) {
    const Indices indices({2, 3}, {1, 0, 1, 2, 1, 0});
    Variable table = parameter({4, width}, "table");
    Tape tape;
    const Variable y = canopy::embedding(table, indices, 1);
    BOOST_TEST(same_bits(y.value(), canopy::embedding(table, indices).value()));
    const Tensor dy = parameter({2, 3, width}, "dy").value();
    backward(tape, y, dy);
    BOOST_TEST_REQUIRE(table.has_row_grad());
    BOOST_TEST(same_bits(table.row_grad().rows, Indices({2}, {0, 2})));
    const float* sums = table.row_grad().values.data();
    for (std::int64_t j = 0; j < width; ++j) {
      BOOST_TEST(sums[j] == dy.data()[width + j] + dy.data()[5 * width + j]);
      BOOST_TEST(sums[width + j] == dy.data()[3 * width + j]);
    }
  }
}

BOOST_AUTO_TEST_CASE(agrees_with_pytorch) {
  test::for_each_reference("embedding_", [](const Safetensors& file, const std::string& name) {
    const std::string stored = file.metadata.at("padding_id");
    const auto padding = stored == "none" ? std::nullopt : std::optional<std::int32_t>(std::stoi(stored));
    Variable table = Variable::parameter(file.tensors.at("weight"), "weight");
    Tape tape;
    const Variable y = canopy::embedding(table, file.indices.at("ids"), padding);
    backward(tape, y, file.tensors.at("dy"));
    test::check_close(y.value(), file.tensors.at("y"), 0, name + " y");
    BOOST_TEST(same_bits(table.row_grad().rows, file.indices.at("rows")));
    test::check_close(table.row_grad().values, file.tensors.at("grad.rows"), 1e-6, name + " grad.rows");
    test::check_close(table.grad(), file.tensors.at("grad.weight"), 1e-6, name + " grad.weight");
  });
}

BOOST_AUTO_TEST_CASE(rows_that_do_not_exist) {
  const Variable table(Tensor({3, 2}, 1.f));
  BOOST_CHECK_EXCEPTION(canopy::embedding(table, Indices({2}, {2, 3})), ShapeError,
                        says("embedding: the index at position 1 is 3, outside of [0, 3)"));
  BOOST_CHECK_EXCEPTION(canopy::embedding(table, Indices({1, 2}, {-1, 0})), ShapeError,
                        says("embedding: the index at position 0 is -1, outside of [0, 3)"));
  BOOST_CHECK_THROW(canopy::embedding(Tensor::scalar(1.f), Indices({1}, {0})), ShapeError);
  BOOST_CHECK_THROW(canopy::embedding(Tensor({2, 1, 1, 1}), Indices({1, 1, 1, 1}, {0})), ShapeError);
}

BOOST_AUTO_TEST_CASE(indices_overwritten_after_forward_are_noticed) {
  const Variable table = parameter({3, 1}, "table");
  Indices indices({1}, {2});
  Tape tape;
  const Variable y = canopy::embedding(table, indices);
  indices.mutable_data()[0] = 0;
  BOOST_CHECK_THROW(tape.backward(y), TapeError);
}

BOOST_AUTO_TEST_SUITE_END()
