#include <canopy/core/standardisation.hpp>

#include <cmath>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <support/errors.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using canopy::test::speaks_of;

BOOST_AUTO_TEST_SUITE(standardisation)

namespace {

Tensor uniform(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(3, purpose).fill_uniform(x.mutable_elements(), 0.5f, 2.f);
  return x;
}

/// Every combination of what may be left out.
std::vector<Standardisation> kinds(std::int64_t columns, const char* purpose) {
  const Tensor offset = uniform({columns}, purpose), scale = uniform({columns}, "scale");
  return {{},
          {.offset = offset},
          {.scale = scale},
          {.scale = Tensor::scalar(1.5f)},
          {.offset = offset, .scale = scale},
          {.offset = offset, .scale = Tensor({1}, 0.7f)}};
}

void check_close(const Tensor& found, const Tensor& expected) {
  BOOST_REQUIRE(found.shape() == expected.shape());
  for (std::int64_t i = 0; i < found.size(); ++i) {
    BOOST_TEST(std::abs(found.data()[i] - expected.data()[i]) < 1e-5f);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(columns_are_moved_and_scaled) {
  for (const std::int64_t columns : {1, 2, 5}) {
    for (const Standardisation& s : kinds(columns, "offset")) {
      const Tensor x = uniform({3, 4, columns}, "x");
      Tensor expected(x.shape());
      for (std::int64_t i = 0; i < x.size(); ++i) {
        const std::int64_t j = i % columns;
        const float offset = s.offset.empty() ? 0.f : s.offset.data()[j];
        const float scale = s.scale.empty() ? 1.f : s.scale.data()[s.scale.size() == 1 ? 0 : j];
        expected.mutable_data()[i] = (x.data()[i] - offset) * scale;
      }
      check_close(s.apply(x), expected);
      check_close(s.invert(s.apply(x)), x);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_column_may_come_without_its_axis) {
  const Standardisation s{.offset = Tensor({1}, 3.f), .scale = Tensor({1}, 2.f)};
  check_close(s.apply(Tensor({4}, 5.f)), Tensor({4}, 4.f));
  check_close(s.invert(Tensor::scalar(4.f)), Tensor::scalar(5.f));
}

// Results that are floats, though what they are computed from is none.
BOOST_AUTO_TEST_CASE(columns_near_the_ends_of_the_range) {
  for (const float size : {1e-37f, 1e-20f, 1.f, 1e20f, 3e38f}) {
    const Standardisation s{.offset = Tensor({1}, -size), .scale = Tensor({1}, 4.f / size)};
    const Tensor x({3}, {size, -size, 0.f}), y = s.apply(x), back = s.invert(y);
    for (std::int64_t i = 0; i < 3; ++i) {
      BOOST_TEST(std::abs(y.data()[i] - (i == 0 ? 8.f : i == 1 ? 0.f : 4.f)) < 1e-5f, size);
      BOOST_TEST(std::abs(back.data()[i] / size - x.data()[i] / size) < 1e-6f, size);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_after_the_other_is_one) {
  const Tensor x = uniform({6, 4}, "x");
  for (const Standardisation& first : kinds(4, "first")) {
    for (const Standardisation& second : kinds(4, "second")) {
      check_close(compose(first, second, 4).apply(x), second.apply(first.apply(x)));
    }
  }
}

BOOST_AUTO_TEST_CASE(sizes_must_fit) {
  const Standardisation s{.offset = Tensor({3}, 1.f), .scale = Tensor({2}, 1.f)};
  BOOST_CHECK_EXCEPTION(s.apply(Tensor({5, 3}, 1.f)), ShapeError, speaks_of("[3]", "[2]", "3 columns"));
  BOOST_CHECK_THROW(compose({}, s, 2), ShapeError);
  BOOST_CHECK_THROW((Standardisation{.offset = Tensor({3}, 1.f)}.apply(Tensor({5, 4}, 1.f))), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
