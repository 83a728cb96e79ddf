#include <canopy/autograd/sequence_mean.hpp>

#include <vector>

#include <canopy/core/error.hpp>

#include "support/gradcheck.hpp"
#include "support/parameter.hpp"
#include "support/same_bits.hpp"
#include "support/twin.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::In;
using test::parameter;
using test::RandomCase;
using test::Real;
using test::Reals;
using test::same_bits;
using test::to_size;

BOOST_AUTO_TEST_SUITE(sequence_mean)

BOOST_AUTO_TEST_CASE(of_valid_rows_alone) {
  const Tensor x({5, 1}, {1, 3, 100, 4, 100});
  const Sequences masked = Sequences::masked(Indices({1, 5}, {1, 1, 0, 1, 0}));
  BOOST_TEST(canopy::sequence_mean(x, masked).value().item() == 8.f / 3);
  const Tensor y = canopy::sequence_mean(x, Sequences::packed(std::vector<std::int64_t>{0, 2, 3})).value();
  BOOST_TEST(same_bits(y, Tensor({3, 1}, {0, 2, 68})));
}

BOOST_AUTO_TEST_CASE(agrees_with_a_twin_in_double) {
  test::check_cases("sequence mean", 100, [](RandomCase& each) {
    const std::int64_t count = each.between("sequences", 0, 4), tokens = each.extent("tokens", 0, 17);
    const std::int64_t width = each.extent("width", 1, 33);
    const Sequences sequences = Sequences::masked(each.indices({count, tokens}, 2));
    const Variable x = test::input(each.normal({count * tokens, width}));
    return test::check_against_twin(
        each, {x}, [&] { return canopy::sequence_mean(x, sequences); },
        [&](In in) {
          const Indices rows = sequences.valid_rows();
          Reals y;
          for (std::int64_t s = 0; s < count; ++s) {
            for (std::size_t j = 0; j < to_size(width); ++j) {
              Real sum = 0;
              double n = 0;
              for (const std::int32_t row : rows.elements()) {
                if (row < sequences.begin(s) || row >= sequences.end(s)) continue;
                sum += in[0][to_size(row) * to_size(width) + j];
                ++n;
              }
              y.push_back(n == 0 ? sum : sum / Real(n));
            }
          }
          return y;
        });
  });
}

BOOST_AUTO_TEST_CASE(has_the_right_gradient) {
  const Variable x = parameter({6, 3}, "x");
  test::check_gradient(
      [&] {
        return canopy::sequence_mean(x, Sequences::masked(Indices({2, 3}, {1, 0, 1, 0, 0, 1})));
      },
      {x});
}

BOOST_AUTO_TEST_CASE(shapes_are_checked) {
  BOOST_CHECK_THROW(canopy::sequence_mean(Tensor({5, 2}), Sequences::equal(2, 3)), ShapeError);
  BOOST_CHECK_THROW(canopy::sequence_mean(Tensor(Shape{6}), Sequences::equal(2, 3)), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
