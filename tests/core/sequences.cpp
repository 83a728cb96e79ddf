#include <canopy/core/sequences.hpp>

#include <vector>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(sequences)

namespace {

std::vector<std::int32_t> to_vector(std::span<const std::int32_t> numbers) { return {numbers.begin(), numbers.end()}; }
std::vector<std::int32_t> valid_rows(const Sequences& sequences) {
  const Indices rows = sequences.valid_rows();
  return to_vector(rows.elements());
}

}  // namespace

BOOST_AUTO_TEST_CASE(of_equal_length) {
  const Sequences three = Sequences::equal(3, 4);
  BOOST_TEST(three.count() == 3);
  BOOST_TEST(three.rows() == 12);
  BOOST_TEST(three.begin(2) == 8);
  BOOST_TEST(three.end(2) == 12);
  BOOST_TEST(three.longest() == 4);
  BOOST_TEST(three.all_valid());
  BOOST_TEST(valid_rows(three).size() == 12u);
  BOOST_TEST(Sequences::equal(0, 4).rows() == 0);
  BOOST_TEST(Sequences::equal(4, 0).longest() == 0);
}

BOOST_AUTO_TEST_CASE(packed_ones_have_their_own_lengths) {
  const Sequences some = Sequences::packed(std::vector<std::int64_t>{2, 0, 5});
  BOOST_TEST(some.count() == 3);
  BOOST_TEST(some.rows() == 7);
  BOOST_TEST(some.tokens(1) == 0);
  BOOST_TEST(some.begin(2) == 2);
  BOOST_TEST(some.longest() == 5);
  BOOST_TEST(some.all_valid());
}

BOOST_AUTO_TEST_CASE(padding_is_no_key) {
  const Sequences padded = Sequences::padded(std::vector<std::int64_t>{2, 0, 3}, 3);
  BOOST_TEST(padded.rows() == 9);
  BOOST_TEST(!padded.all_valid());
  BOOST_TEST(to_vector(padded.keys(0)) == (std::vector<std::int32_t>{0, 1}));
  BOOST_TEST(padded.keys(1).empty());
  BOOST_TEST(valid_rows(padded) == (std::vector<std::int32_t>{0, 1, 6, 7, 8}));
  const Sequences packed = padded.without_padding();
  BOOST_TEST(packed.count() == 3);
  BOOST_TEST(packed.rows() == 5);
  BOOST_TEST(packed.all_valid());
}

BOOST_AUTO_TEST_CASE(a_mask_may_have_holes) {
  const Sequences masked = Sequences::masked(Indices({2, 3}, {0, 1, 1, 7, 0, -1}));
  BOOST_TEST(to_vector(masked.keys(0)) == (std::vector<std::int32_t>{1, 2}));
  BOOST_TEST(to_vector(masked.keys(1)) == (std::vector<std::int32_t>{0, 2}));
  BOOST_TEST(Sequences::masked(Indices({2, 3}, 1)).all_valid());
}

BOOST_AUTO_TEST_CASE(without_valid_rows) {
  const Sequences none = Sequences::masked(Indices({2, 3}, 0));
  BOOST_TEST(!none.all_valid());
  BOOST_TEST(none.valid_rows().size() == 0);
  BOOST_TEST(none.without_padding().rows() == 0);
}

BOOST_AUTO_TEST_CASE(impossible_ones_are_refused) {
  BOOST_CHECK_THROW(Sequences::equal(-1, 2), ShapeError);
  BOOST_CHECK_THROW(Sequences::equal(1, -2), ShapeError);
  BOOST_CHECK_THROW(Sequences::packed(std::vector<std::int64_t>{1, -1}), ShapeError);
  BOOST_CHECK_THROW(Sequences::padded(std::vector<std::int64_t>{1, 4}, 3), ShapeError);
  BOOST_CHECK_THROW(Sequences::padded(std::vector<std::int64_t>{-1}, 3), ShapeError);
  BOOST_CHECK_THROW(Sequences::masked(Indices({3}, 1)), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
