#include <canopy/datasets/compose.hpp>

#include <numeric>
#include <tuple>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/datasets/data_loader.hpp>
#include <canopy/datasets/tensor_dataset.hpp>

#include <support/errors.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using canopy::test::speaks_of;

BOOST_AUTO_TEST_SUITE(compose)

namespace {

/// Sample i is [first + i, first + i] with the label first + i.
ClassificationDataset counting(std::int32_t first, std::int64_t count) {
  Tensor inputs({count, 2});
  Indices labels({count});
  for (std::int64_t i = 0; i < count; ++i) {
    labels.mutable_data()[i] = first + static_cast<std::int32_t>(i);
    inputs.mutable_data()[2 * i] = inputs.mutable_data()[2 * i + 1] = static_cast<float>(labels.data()[i]);
  }
  return ClassificationDataset(inputs, labels);
}

template <Dataset D>
std::vector<std::int32_t> labels_of(const D& dataset, const DataLoaderOptions& options) {
  std::vector<std::int32_t> labels;
  for (const auto& [inputs, batch] : DataLoader(dataset, options)) {
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      labels.push_back(batch.data()[i]);
      BOOST_TEST(inputs.data()[2 * i + 1] == static_cast<float>(batch.data()[i]));
    }
  }
  return labels;
}

std::vector<std::int32_t> range(std::int32_t first, std::int32_t end) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(end - first));
  std::iota(values.begin(), values.end(), first);
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_map_sees_every_batch) {
  const auto doubled = datasets::map(counting(1, 10), [](std::pair<Tensor, Indices> batch) {
    Tensor inputs = batch.first.clone();
    for (float& x : inputs.mutable_elements()) x *= 2.f;
    return inputs;
  });
  static_assert(Dataset<decltype(doubled)>);
  BOOST_TEST(doubled.size() == 10);
  float next = 2.f;
  for (const Tensor& batch : DataLoader(doubled, {.batch_size = 3, .prefetch = 2})) {
    for (std::int64_t i = 0; i < batch.extent(0); ++i, next += 2.f) BOOST_TEST(batch.data()[2 * i] == next);
  }
  BOOST_TEST(next == 22.f);
}

BOOST_AUTO_TEST_CASE(subsets_of_subsets) {
  const auto odd = datasets::subset(counting(0, 10), {1, 3, 5, 7, 9});
  BOOST_CHECK(labels_of(odd, {.batch_size = 2}) == std::vector<std::int32_t>({1, 3, 5, 7, 9}));
  const auto picked = datasets::subset(odd, {4, 0, 4});
  BOOST_CHECK(labels_of(picked, {.batch_size = 2}) == std::vector<std::int32_t>({9, 1, 9}));
  BOOST_CHECK_EXCEPTION(datasets::subset(odd, {5}), ShapeError, speaks_of("subset", "below 5", "found 5"));
  BOOST_CHECK_THROW(picked.batch(std::vector<std::int64_t>{3}), ShapeError);
  BOOST_CHECK_THROW(picked.batch(std::vector<std::int64_t>{-1}), ShapeError);
}

BOOST_AUTO_TEST_CASE(a_concatenation_has_all_samples_in_order) {
  const auto three = datasets::concatenate(counting(0, 4), datasets::subset(counting(0, 9), {}),
                                           datasets::subset(counting(0, 9), {4, 5, 6, 7, 8}));
  BOOST_TEST(three.size() == 9);
  for (const std::int64_t batch_size : {1, 2, 3, 4, 9}) {
    BOOST_CHECK(labels_of(three, {.batch_size = batch_size}) == range(0, 9));
  }
  auto shuffled = labels_of(three, {.batch_size = 4, .shuffle = true, .prefetch = 1});
  std::ranges::sort(shuffled);
  BOOST_CHECK(shuffled == range(0, 9));
  for (const std::int64_t wrong : {std::int64_t{-1}, std::int64_t{9}}) {
    BOOST_CHECK_EXCEPTION(three.batch(std::span(&wrong, 1)), ShapeError, speaks_of("concatenation", "below 9"));
  }
  BOOST_CHECK((three.batch({}).first.shape() == Shape{0, 2}));
}

BOOST_AUTO_TEST_CASE(tuples_and_single_arrays_are_joined_too) {
  const auto triple = [](std::pair<Tensor, Indices> batch) {
    return std::tuple(batch.first, batch.second, std::pair(batch.second, batch.first));
  };
  const auto both = datasets::concatenate(datasets::map(counting(0, 3), triple), datasets::map(counting(3, 3), triple));
  const std::int64_t indices[] = {5, 0, 3};
  const auto [inputs, labels, again] = both.batch(indices);
  BOOST_CHECK(std::ranges::equal(labels.elements(), std::vector<std::int32_t>{5, 0, 3}));
  BOOST_CHECK(std::ranges::equal(again.first.elements(), labels.elements()));
  BOOST_TEST(again.second.data()[5] == 3.f);
  BOOST_TEST(inputs.data()[0] == 5.f);
  const auto inputs_only = [](std::pair<Tensor, Indices> batch) { return batch.first; };
  const auto arrays =
      datasets::concatenate(datasets::map(counting(0, 3), inputs_only), datasets::map(counting(3, 3), inputs_only));
  BOOST_TEST(arrays.batch(indices).data()[0] == 5.f);
}

BOOST_AUTO_TEST_CASE(samples_of_one_shape_only) {
  const ClassificationDataset wide(Tensor({2, 3}, 1.f), Indices({2}, 0));
  const auto unlike = datasets::concatenate(counting(0, 2), wide);
  const std::int64_t indices[] = {0, 2};
  BOOST_CHECK_EXCEPTION(unlike.batch(indices), ShapeError, speaks_of("[2]", "[3]"));
}

BOOST_AUTO_TEST_SUITE_END()
