#include <canopy/autograd/image_patches.hpp>

#include <vector>

#include <canopy/core/error.hpp>

#include "support/gradcheck.hpp"
#include "support/parameter.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::parameter;
using test::same_bits;

BOOST_AUTO_TEST_SUITE(image_patches)

BOOST_AUTO_TEST_CASE(squares_row_by_row) {
  const Tensor image({1, 1, 2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
  BOOST_TEST(same_bits(canopy::image_patches(image, {.height = 2, .width = 4, .channels = 1}, 2).value(),
                       Tensor({1, 2, 4}, {0, 1, 4, 5, 2, 3, 6, 7})));
}

BOOST_AUTO_TEST_CASE(agrees_with_its_definition) {
  const ImageShape shape{.height = 6, .width = 9, .channels = 3};
  const std::int64_t patch = 3, across = shape.width / patch;
  const Tensor images = parameter({4, 3, 6, 9}, "images").value();
  test::same_bits_on_any_threads([&] { return std::vector{canopy::image_patches(images, shape, patch).value()}; });
  const Tensor found = canopy::image_patches(images.reshape({4, 162}), shape, patch).value();
  BOOST_TEST_REQUIRE((found.shape() == Shape{4, 6, 27}));
  std::int64_t i = 0;
  for (std::int64_t image = 0; image < 4; ++image) {
    for (std::int64_t p = 0; p < 6; ++p) {
      for (std::int64_t k = 0; k < 27; ++k, ++i) {
        const std::int64_t channel = k / 9, row = p / across * patch + k / 3 % 3, column = p % across * patch + k % 3;
        BOOST_TEST(found.data()[i] == images.data()[((image * 3 + channel) * 6 + row) * 9 + column]);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(has_the_right_gradient) {
  const Variable images = parameter({2, 2, 4, 2}, "images");
  test::check_gradient([&] { return canopy::image_patches(images, {.height = 4, .width = 2, .channels = 2}, 2); },
                       {images});
}

BOOST_AUTO_TEST_CASE(shapes_are_checked) {
  for (const std::int64_t patch : {0, 3, -1}) {
    BOOST_CHECK_THROW(canopy::image_patches(Tensor({2, 16}), {.height = 4, .width = 4, .channels = 1}, patch),
                      ShapeError);
  }
  BOOST_CHECK_THROW(canopy::image_patches(Tensor({2, 15}), {.height = 4, .width = 4, .channels = 1}, 2), ShapeError);
  BOOST_CHECK_THROW(canopy::image_patches(Tensor(Shape{16}), {.height = 4, .width = 4, .channels = 1}, 2), ShapeError);
}

BOOST_AUTO_TEST_SUITE_END()
