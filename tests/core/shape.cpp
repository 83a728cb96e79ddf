#include <canopy/core/shape.hpp>

#include <limits>

#include <canopy/core/error.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(shape)

BOOST_AUTO_TEST_CASE(extents_and_size) {
  const Shape shape{2, 3, 4};
  BOOST_TEST(shape.rank() == 3);
  BOOST_TEST(shape.size() == 24);
  BOOST_TEST(shape[-1] == 4);
  BOOST_TEST(shape.to_string() == "[2, 3, 4]");
  BOOST_TEST(Shape{}.size() == 1);
  BOOST_TEST((Shape{0, 5}).size() == 0);
  BOOST_CHECK((shape.with(1, 7) == Shape{2, 7, 4}));
  BOOST_CHECK((shape.without(0) == Shape{3, 4}));
  BOOST_CHECK((Shape{2} != Shape{2, 1}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_shape) {
  BOOST_CHECK_THROW((Shape{2, -1}), ShapeError);
  BOOST_CHECK_THROW((Shape{1, 1, 1, 1, 1, 1, 1}), ShapeError);
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  BOOST_CHECK_THROW((Shape{huge, 2}), ShapeError);
  BOOST_CHECK_THROW((Shape{0, huge, 2}), ShapeError);  // the order does not matter
  BOOST_TEST((Shape{huge, 0}).size() == 0);
  BOOST_CHECK_THROW((Shape{2, 3})[2], ShapeError);
  BOOST_CHECK_THROW((Shape{2, 3})[-3], ShapeError);
}

BOOST_AUTO_TEST_CASE(broadcasting) {
  BOOST_CHECK((broadcast({2, 1, 4}, {3, 1}, "add") == Shape{2, 3, 4}));
  BOOST_CHECK((broadcast({}, {5}, "add") == Shape{5}));
  BOOST_CHECK((broadcast({0, 1}, {1, 3}, "add") == Shape{0, 3}));
  BOOST_CHECK_THROW(broadcast({2, 3}, {4}, "add"), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
