#include <canopy/datasets/augmented_images.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/datasets/data_loader.hpp>

#include <support/errors.hpp>
#include <support/same_bits.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::same_bits;

BOOST_AUTO_TEST_SUITE(augmented_images)

namespace {

constexpr ImageShape shape{.height = 6, .width = 5, .channels = 2};

ImageDataset random_images(std::int64_t count) {
  LabelledImages images{.name = "random", .shape = shape, .labels = Indices({count}, 0), .classes = 1};
  images.values = Tensor({count, shape.features()});
  RandomStream(1, "images").fill_uniform(images.values.mutable_elements(), 0.f, 1.f);
  return ImageDataset(std::move(images));
}

std::vector<std::int64_t> first(std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

Tensor looks(const ImageDataset& images, const Augmentation& augmentation, std::uint64_t pass = 0) {
  AugmentedImages augmented(images, augmentation);
  augmented.start_pass(pass);
  return augmented.batch(first(images.size())).first;
}

float at(const Tensor& images, std::int64_t image, std::int64_t channel, std::int64_t row, std::int64_t column) {
  return images.data()[((image * shape.channels + channel) * shape.height + row) * shape.width + column];
}

}  // namespace

BOOST_AUTO_TEST_CASE(nothing_asked_for_changes_nothing) {
  const ImageDataset images = random_images(20);
  BOOST_TEST(same_bits(looks(images, {}), images.batch(first(20)).first));
}

BOOST_AUTO_TEST_CASE(flips_mirror_to_the_bit) {
  const ImageDataset images = random_images(3);
  const Tensor original = images.batch(first(3)).first;
  const Tensor across = looks(images, {.horizontal_flip = 1}), over = looks(images, {.vertical_flip = 1});
  for (std::int64_t image = 0; image < 3; ++image) {
    for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
      for (std::int64_t row = 0; row < shape.height; ++row) {
        for (std::int64_t column = 0; column < shape.width; ++column) {
          const float value = at(original, image, channel, row, column);
          BOOST_TEST(at(across, image, channel, row, shape.width - 1 - column) == value);
          BOOST_TEST(at(over, image, channel, shape.height - 1 - row, column) == value);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(half_of_the_images_are_flipped) {
  constexpr std::int64_t count = 1000;
  const ImageDataset images = random_images(count);
  const Tensor original = images.batch(first(count)).first, flipped = looks(images, {.horizontal_flip = 0.5});
  std::int64_t same = 0;
  for (std::int64_t image = 0; image < count; ++image)
    same += at(original, image, 0, 0, 0) == at(flipped, image, 0, 0, 0);
  BOOST_TEST(same > 440);
  BOOST_TEST(same < 560);
}

// An image whose values are a linear function of the place is, wherever all four neighbours lie inside, that function
// of where a pixel comes from: its gradient is turned and scaled as the image is, the same for all pixels.
BOOST_AUTO_TEST_CASE(turning_and_scaling_keep_angles_and_zoom) {
  constexpr ImageShape large{.height = 41, .width = 41};
  LabelledImages ramp{.name = "ramp", .shape = large, .labels = Indices({64}, 0), .classes = 1};
  ramp.values = Tensor({64, large.features()});
  for (std::int64_t i = 0; i < ramp.values.size(); ++i) {
    ramp.values.mutable_data()[i] = 100.f + static_cast<float>(i % 41);  // one step a pixel to the right
  }
  const Tensor turned = looks(ImageDataset(std::move(ramp)), {.rotate = 30, .translate = 0.1, .scale = 0.25});
  double least = 10, most = 0, widest = 0, moved = 0;
  for (std::int64_t image = 0; image < 64; ++image) {
    const float* values = turned.data() + image * large.features();
    const auto value = [&](std::int64_t row, std::int64_t column) { return values[row * 41 + column]; };
    const double right = value(20, 21) - value(20, 20), down = value(21, 20) - value(20, 20);
    const double zoom = std::hypot(right, down), angle = std::atan2(down, right) * 180 / M_PI;
    least = std::min(least, zoom);
    most = std::max(most, zoom);
    widest = std::max(widest, std::abs(angle));
    moved = std::max(moved, std::abs(static_cast<double>(value(20, 20)) - 120));
    for (std::int64_t row = 17; row < 24; ++row) {
      for (std::int64_t column = 17; column < 24; ++column) {
        const double expected =
            value(20, 20) + right * static_cast<double>(column - 20) + down * static_cast<double>(row - 20);
        BOOST_TEST(std::abs(value(row, column) - expected) < 1e-3);
      }
    }
  }
  // A factor of 3/4 to 5/4 shows 4/3 to 4/5 of a step a pixel.
  BOOST_TEST(least >= 0.799);
  BOOST_TEST(least < 0.85);
  BOOST_TEST(most <= 1.334);
  BOOST_TEST(most > 1.2);
  BOOST_TEST(widest <= 30.01);
  BOOST_TEST(widest > 25);
  BOOST_TEST(moved > 2);
  BOOST_TEST(moved < 4.1 * 1.334 * 1.42);
}

BOOST_AUTO_TEST_CASE(what_comes_into_view_is_0) {
  LabelledImages bright{.name = "bright", .shape = shape, .labels = Indices({50}, 0), .classes = 1};
  bright.values = Tensor({50, shape.features()}, 1.f);
  const Tensor moved = looks(ImageDataset(std::move(bright)), {.translate = 0.5});
  BOOST_TEST(std::ranges::count(moved.elements(), 0.f) > 0);
  for (const float v : moved.elements()) BOOST_TEST((v >= 0.f && v <= 1.f));
}

// Whatever batch a sample is in, and whichever thread makes it.
BOOST_AUTO_TEST_CASE(a_sample_of_a_pass_looks_the_same) {
  const ImageDataset images = random_images(30);
  const Augmentation all{.horizontal_flip = 0.5, .vertical_flip = 0.5, .rotate = 20, .translate = 0.1, .scale = 0.1};
  const Tensor together = looks(images, all, 7);
  AugmentedImages augmented(images, all);
  augmented.start_pass(7);
  for (const std::int64_t prefetch : {0, 2}) {
    std::int64_t image = 0;
    for (const auto& [inputs, labels] : DataLoader(augmented, {.batch_size = 7, .prefetch = prefetch})) {
      for (std::int64_t i = 0; i < inputs.size(); ++i) {
        BOOST_REQUIRE(inputs.data()[i] == together.data()[image * shape.features() + i]);
      }
      image += labels.size();
    }
  }
  BOOST_TEST(!same_bits(looks(images, all, 8), together));
  manual_seed(1);
  BOOST_TEST(!same_bits(looks(images, all, 7), together));
  manual_seed(0);
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  const ImageDataset images = random_images(1);
  const auto refused = [&](const Augmentation& augmentation, const char* option) {
    BOOST_CHECK_EXCEPTION(AugmentedImages(images, augmentation), ConfigError, test::speaks_of(option));
  };
  refused({.horizontal_flip = 1.5}, "horizontal_flip");
  refused({.vertical_flip = -1}, "vertical_flip");
  refused({.rotate = -1}, "rotate");
  refused({.translate = NAN}, "translate");
  refused({.scale = 1}, "scale");
}

BOOST_AUTO_TEST_SUITE_END()
