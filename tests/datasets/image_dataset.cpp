#include <canopy/datasets/image_dataset.hpp>

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include "support/errors.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using canopy::test::speaks_of;

BOOST_AUTO_TEST_SUITE(image_dataset)

namespace {

LabelledImages random_images(std::int64_t count, ImageShape shape, bool as_bytes = true) {
  RandomStream stream(7, "images of the tests");
  LabelledImages images;
  images.name = "random";
  images.shape = shape;
  images.classes = 10;
  images.labels = Indices({count});
  for (std::int32_t& label : images.labels.mutable_elements()) label = static_cast<std::int32_t>(stream() % 10);
  Bytes bytes({count, shape.features()});
  for (std::uint8_t& byte : bytes.mutable_elements()) byte = static_cast<std::uint8_t>(stream());
  if (as_bytes) {
    images.bytes = bytes;
  } else {
    images.values = Tensor(bytes.shape());
    float* values = images.values.mutable_data();
    for (std::int64_t i = 0; i < bytes.size(); ++i) values[i] = static_cast<float>(bytes.data()[i]) / 255.f;
  }
  return images;
}

std::vector<std::int64_t> all(const ImageDataset& dataset) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(dataset.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

// The definition of an input, value by value in double precision.
std::vector<double> naive_inputs(const LabelledImages& images, Input input) {
  std::vector<double> x;
  for (std::int64_t i = 0; i < images.bytes.size(); ++i) x.push_back(images.bytes.data()[i] / 255.0);
  const auto features = static_cast<std::size_t>(images.shape.features());
  const auto n = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
  double variance = 0.0;
  for (const double v : x) variance += (v - mean) * (v - mean) / n;
  std::vector<double> mean_image(features);
  for (std::size_t i = 0; i < x.size(); ++i) mean_image[i % features] += x[i] * static_cast<double>(features) / n;
  std::vector<double> result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    switch (input) {
      case Input::unit:
        result.push_back(x[i]);
        break;
      case Input::symmetric:
        result.push_back(2.0 * x[i] - 1.0);
        break;
      case Input::standardised:
        result.push_back((x[i] - mean) / std::sqrt(variance));
        break;
      case Input::centred:
        result.push_back(x[i] - mean_image[i % features]);
        break;
    }
  }
  return result;
}

constexpr Input inputs[] = {Input::unit, Input::symmetric, Input::standardised, Input::centred};

}  // namespace

BOOST_AUTO_TEST_CASE(names_of_inputs_and_splits) {
  BOOST_TEST(to_string(Input::centred) == "centred");
  BOOST_TEST(to_string(Split::test) == "test");
}

BOOST_AUTO_TEST_CASE(inputs_are_as_defined) {
  for (const ImageShape shape : {ImageShape{1, 1, 1}, ImageShape{3, 5, 1}, ImageShape{4, 4, 1}, ImageShape{17, 1, 1},
                                 ImageShape{3, 11, 1}, ImageShape{7, 8, 3}, ImageShape{28, 28, 1}}) {
    for (const std::int64_t count : {1, 2, 33}) {
      const LabelledImages images = random_images(count, shape);
      const ImageDataset dataset(images);
      for (const Input input : inputs) {
        if (count * shape.features() == 1 && input == Input::standardised) continue;  // nothing varies
        const ImageDataset seen = dataset.with_input(input);
        BOOST_CHECK(seen.input() == input);
        const auto [batch, labels] = seen.batch(all(seen));
        const std::vector<double> expected = naive_inputs(images, input);
        BOOST_REQUIRE((batch.shape() == Shape{count, shape.features()}));
        double worst = 0.0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          worst = std::max(worst, std::abs(batch.data()[i] - expected[i]));
        }
        BOOST_TEST(worst < 1e-6);
        BOOST_TEST(labels.elements() == images.labels.elements(), boost::test_tools::per_element());
      }
    }
  }
}

// Bytes are the nearest floats to x / 255, so that other frameworks see the same inputs.
BOOST_AUTO_TEST_CASE(bytes_are_rounded_once) {
  LabelledImages images = random_images(1, {16, 16, 1});
  std::iota(images.bytes.mutable_data(), images.bytes.mutable_data() + 256, std::uint8_t{0});
  const std::int64_t first[] = {0};
  const Tensor batch = ImageDataset(images).batch(first).first;
  const Tensor symmetric = ImageDataset(images, Input::symmetric).batch(first).first;
  for (int i = 0; i < 256; ++i) {
    BOOST_TEST(batch.data()[i] == static_cast<float>(i / 255.0));
    BOOST_TEST(symmetric.data()[i] == (static_cast<float>(i / 255.0) - 0.5f) / 0.5f);
  }
}

BOOST_AUTO_TEST_CASE(values_that_are_not_bytes) {
  const ImageDataset bytes(random_images(20, {5, 5, 1}));
  const ImageDataset values(random_images(20, {5, 5, 1}, false));
  for (const Input input : inputs) {
    const Tensor a = bytes.with_input(input).batch(all(bytes)).first;
    const Tensor b = values.with_input(input).batch(all(values)).first;
    for (std::int64_t i = 0; i < a.size(); ++i) BOOST_TEST(std::abs(a.data()[i] - b.data()[i]) < 1e-6f);
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const LabelledImages images = random_images(700, {28, 28, 1});
  for (const Input input : inputs) {
    test::same_bits_on_any_threads([&] {
      const ImageDataset dataset(images, input);
      return std::vector{dataset.batch(all(dataset)).first};
    });
  }
}

BOOST_AUTO_TEST_CASE(statistics_of_many_images) {
  // More images than one block of the sums, all of them white.
  LabelledImages images = random_images(70'000, {1, 2, 1});
  std::ranges::fill(images.bytes.mutable_elements(), std::uint8_t{255});
  images.bytes.mutable_data()[1] = 0;
  const InputStatistics statistics = input_statistics(images);
  BOOST_TEST(statistics.mean_image.data()[0] == 1.f);
  BOOST_TEST(statistics.mean_image.data()[1] == static_cast<float>(69'999.0 / 70'000.0));
  const double mean = 139'999.0 / 140'000.0;
  BOOST_TEST(statistics.mean == static_cast<float>(mean));
  BOOST_TEST(statistics.deviation == static_cast<float>(std::sqrt(mean * (1.0 - mean))),
             boost::test_tools::tolerance(1e-5f));
}

BOOST_AUTO_TEST_CASE(images_that_are_all_alike_stay_finite) {
  LabelledImages images = random_images(5, {2, 2, 1});
  std::ranges::fill(images.bytes.mutable_elements(), std::uint8_t{77});
  const Tensor batch = ImageDataset(images, Input::standardised).batch(std::vector<std::int64_t>{0, 4}).first;
  for (const float value : batch.elements()) BOOST_TEST(std::abs(value) < 1e-5f);
}

BOOST_AUTO_TEST_CASE(statistics_come_from_the_training_set) {
  const LabelledImages train = random_images(50, {4, 4, 1});
  LabelledImages test = random_images(10, {4, 4, 1});
  std::ranges::fill(test.bytes.mutable_elements(), std::uint8_t{0});
  int calls = 0;
  const ImageDataset dataset(test, Input::unit, [&] {
    ++calls;
    return input_statistics(train);
  });
  BOOST_TEST(calls == 0);
  const Tensor mean_image = input_statistics(train).mean_image;
  const ImageDataset centred = dataset.with_input(Input::centred);
  const Tensor batch = centred.batch(std::vector<std::int64_t>{3}).first;
  for (int j = 0; j < 16; ++j) BOOST_TEST(batch.data()[j] == -mean_image.data()[j]);
  dataset.with_input(Input::standardised);
  BOOST_TEST(calls == 1);

  // Subsets and splits keep those of the whole.
  const ImageDataset whole(train);
  const ImageDataset part = whole.split(0.5).first.with_input(Input::centred);
  const DatasetMetadata metadata = part.metadata();
  BOOST_CHECK(std::ranges::equal(metadata.input.offset.elements(), mean_image.elements()));

  const ImageDataset unlike(test, Input::unit, [] { return input_statistics(random_images(3, {5, 5, 1})); });
  BOOST_CHECK_EXCEPTION(unlike.with_input(Input::centred), ShapeError, speaks_of("random", "16", "25"));
}

// input.scale * (x - input.offset), x by the named normalisation, gives what a batch holds.
BOOST_AUTO_TEST_CASE(metadata_tells_how_inputs_came_about) {
  const ImageDataset dataset(random_images(30, {5, 3, 1}));
  const Tensor x = dataset.batch(all(dataset)).first;
  for (const Input input : inputs) {
    const ImageDataset seen = dataset.with_input(input);
    const DatasetMetadata metadata = seen.metadata();
    BOOST_TEST(metadata.dataset == "random");
    const bool symmetric = metadata.input_normalisation == "x/255 mapped to [-1,1]";
    BOOST_TEST(symmetric == (input == Input::symmetric));
    if (!symmetric) BOOST_TEST(metadata.input_normalisation == "x/255");
    const bool folded = input == Input::standardised || input == Input::centred;
    BOOST_TEST(metadata.input.offset.size() == (folded ? 15 : 0));
    const Tensor batch = seen.batch(all(seen)).first;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const float named = symmetric ? 2.f * x.data()[i] - 1.f : x.data()[i];
      const float offset = folded ? metadata.input.offset.data()[i % 15] : 0.f;
      BOOST_TEST(std::abs(batch.data()[i] - metadata.input.scale_of(i % 15) * (named - offset)) < 1e-5f);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_batch_takes_any_indices) {
  const LabelledImages images = random_images(9, {2, 2, 1});
  const ImageDataset dataset(images);
  const std::int64_t indices[] = {8, 0, 8};
  const auto [batch, labels] = dataset.batch(indices);
  BOOST_TEST(labels.data()[0] == images.labels.data()[8]);
  BOOST_TEST(labels.data()[1] == images.labels.data()[0]);
  BOOST_TEST(batch.data()[11] == static_cast<float>(images.bytes.data()[35]) / 255.f);
  BOOST_CHECK((dataset.batch({}).first.shape() == Shape{0, 4}));
  for (const std::int64_t wrong : {std::int64_t{-1}, std::int64_t{9}}) {
    BOOST_CHECK_EXCEPTION(dataset.batch(std::span(&wrong, 1)), ShapeError,
                          speaks_of("random", "below 9", std::to_string(wrong)));
  }
}

BOOST_AUTO_TEST_CASE(subsets_of_subsets) {
  const LabelledImages images = random_images(20, {1, 1, 1});
  const ImageDataset dataset(images);
  const ImageDataset odd = dataset.subset(std::vector<std::int64_t>{1, 3, 5, 7, 9});
  const ImageDataset two = odd.subset(std::vector<std::int64_t>{4, 0});
  BOOST_TEST(two.size() == 2);
  BOOST_TEST(two.labels().data()[0] == images.labels.data()[9]);
  BOOST_TEST(two.batch(std::vector<std::int64_t>{1}).first.item() ==
             static_cast<float>(images.bytes.data()[1]) / 255.f);
  BOOST_CHECK_THROW(odd.subset(std::vector<std::int64_t>{5}), ShapeError);
  BOOST_CHECK_THROW(two.batch(std::vector<std::int64_t>{2}), ShapeError);
}

BOOST_AUTO_TEST_CASE(splits_are_disjoint_and_reproducible) {
  LabelledImages images = random_images(1001, {1, 2, 1});
  for (std::int64_t i = 0; i < 1001; ++i) {  // each image tells its position
    images.bytes.mutable_data()[2 * i] = static_cast<std::uint8_t>(i / 256);
    images.bytes.mutable_data()[2 * i + 1] = static_cast<std::uint8_t>(i % 256);
  }
  const ImageDataset dataset(images);
  const auto positions = [](const ImageDataset& part) {
    const Tensor batch = part.batch(all(part)).first;
    std::vector<int> found;
    for (std::int64_t i = 0; i < part.size(); ++i) {
      found.push_back(static_cast<int>(std::lround(255.f * (256.f * batch.data()[2 * i] + batch.data()[2 * i + 1]))));
    }
    return found;
  };
  manual_seed(3);
  const auto [train, validation] = dataset.split(0.9);
  BOOST_TEST(train.size() == 901);
  BOOST_TEST(validation.size() == 100);
  std::set<int> seen;
  for (const ImageDataset* part : {&train, &validation}) {
    for (const int position : positions(*part)) BOOST_TEST(seen.insert(position).second);
  }
  BOOST_TEST(seen.size() == 1001u);
  BOOST_TEST(*seen.rbegin() == 1000);

  // Another draw, another stream's position: the same split. Another seed: another one.
  random_stream("order")();
  random_stream("split")();
  BOOST_TEST(positions(dataset.split(0.9).second) == positions(validation));
  manual_seed(4);
  BOOST_TEST(positions(dataset.split(0.9).second) != positions(validation));
  manual_seed(3);
  BOOST_TEST(positions(dataset.split(0.9).second) == positions(validation));
  manual_seed(0);

  BOOST_TEST(dataset.split(0.0).first.size() == 0);
  BOOST_TEST(dataset.split(1.0).first.size() == 1001);
  BOOST_CHECK_THROW(dataset.split(1.1), ConfigError);
  BOOST_CHECK_THROW(dataset.split(-0.1), ConfigError);
  BOOST_CHECK_THROW(dataset.split(std::nan("")), ConfigError);
}

BOOST_AUTO_TEST_CASE(arrays_must_fit) {
  LabelledImages images = random_images(4, {2, 2, 1});
  images.labels = Indices({3}, 0);
  BOOST_CHECK_EXCEPTION(ImageDataset{images}, ShapeError, speaks_of("random", "[4, 4]", "[3]"));
  images = random_images(4, {2, 2, 1});
  images.shape.width = 3;
  BOOST_CHECK_THROW(ImageDataset{images}, ShapeError);
  images = random_images(4, {2, 2, 1});
  images.labels.mutable_data()[2] = 10;
  BOOST_CHECK_EXCEPTION(ImageDataset{images}, ShapeError, speaks_of("0 to 9", "found 10"));
}

BOOST_AUTO_TEST_SUITE_END()
