#include <canopy/datasets/tensor_dataset.hpp>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include <support/errors.hpp>
#include <support/same_bits.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;
using canopy::test::speaks_of;

BOOST_AUTO_TEST_SUITE(tensor_dataset)

namespace {

Tensor normal(const Shape& shape, const char* purpose, float mean = 0.f, float deviation = 1.f) {
  Tensor x(shape);
  RandomStream(17, purpose).fill_normal(x.mutable_elements(), mean, deviation);
  return x;
}

template <class T>
std::vector<std::int64_t> all(const TensorDataset<T>& dataset) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(dataset.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

/// Mean and deviation of a column, in double precision.
std::pair<double, double> moments(const Tensor& x, std::int64_t column) {
  const std::int64_t columns = x.size() / x.extent(0);
  const auto n = static_cast<double>(x.extent(0));
  double mean = 0, variance = 0;
  for (std::int64_t i = column; i < x.size(); i += columns) mean += x.data()[i] / n;
  for (std::int64_t i = column; i < x.size(); i += columns) variance += std::pow(x.data()[i] - mean, 2) / n;
  return {mean, std::sqrt(variance)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(arrays_and_vectors) {
  const TensorDataset classes(Tensor({3, 2}, {0, 1, 2, 3, 4, 5}), Indices({3}, {0, 2, 1}), "three");
  static_assert(std::same_as<decltype(classes), const ClassificationDataset>);
  BOOST_TEST(classes.name() == "three");
  BOOST_TEST(classes.size() == 3);
  BOOST_TEST(classes.features() == 2);
  BOOST_TEST(classes.classes() == 3);
  BOOST_TEST(classes.outputs() == 3);
  const std::int64_t indices[] = {2, 0, 2};
  const auto [inputs, labels] = classes.batch(indices);
  BOOST_CHECK(std::ranges::equal(inputs.elements(), std::vector<float>{4, 5, 0, 1, 4, 5}));
  BOOST_CHECK(std::ranges::equal(labels.elements(), std::vector<std::int32_t>{1, 0, 1}));
  BOOST_TEST(classes.metadata().input_normalisation == "none");

  const TensorDataset numbers({{0.5f, 1.f}, {2.f, 3.f}}, std::vector{10.f, 20.f});
  static_assert(std::same_as<decltype(numbers), const RegressionDataset>);
  BOOST_TEST(numbers.classes() == 0);
  BOOST_TEST(numbers.outputs() == 1);
  BOOST_TEST(numbers.targets().data()[1] == 20.f);
  BOOST_TEST(numbers.batch(std::vector<std::int64_t>{1}).first.data()[0] == 2.f);

  const TensorDataset pictures(normal({4, 3, 2, 2}, "pictures"), normal({4, 5}, "targets"));
  BOOST_TEST(pictures.features() == 12);
  BOOST_TEST(pictures.outputs() == 5);
  const auto batch = pictures.batch(indices);
  BOOST_CHECK((batch.first.shape() == Shape{3, 3, 2, 2}));
  BOOST_CHECK((batch.second.shape() == Shape{3, 5}));
  BOOST_CHECK((pictures.batch({}).first.shape() == Shape{0, 3, 2, 2}));
  BOOST_CHECK((pictures.batch({}).second.shape() == Shape{0, 5}));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit) {
  BOOST_CHECK_EXCEPTION(TensorDataset(Tensor({3, 2}, 0.f), Indices({4}, 0)), ShapeError,
                        speaks_of("without a name", "[3, 2]", "[4]"));
  BOOST_CHECK_THROW(TensorDataset(Tensor({3}, 0.f), Indices({3}, 0)), ShapeError);
  BOOST_CHECK_THROW(TensorDataset(Tensor({3, 2}, 0.f), Tensor({3, 1, 1}, 0.f)), ShapeError);
  BOOST_CHECK_THROW(TensorDataset(Tensor({3, 2}, 0.f), Indices({3, 1}, 0)), ShapeError);
  BOOST_CHECK_EXCEPTION(TensorDataset(Tensor({2, 2}, 0.f), Indices({2}, {0, -1}), "mine"), ShapeError,
                        speaks_of("data set mine", "found -1"));
  BOOST_CHECK_EXCEPTION(TensorDataset({{1.f, 2.f}, {3.f}}, std::vector{1, 2}), ShapeError,
                        speaks_of("rows of 2 numbers", "one of 1"));
  const TensorDataset small(Tensor({2, 2}, 0.f), Indices({2}, 0));
  for (const std::int64_t wrong : {std::int64_t{-1}, std::int64_t{2}}) {
    BOOST_CHECK_EXCEPTION(small.batch(std::span(&wrong, 1)), ShapeError, speaks_of("below 2", std::to_string(wrong)));
  }
  BOOST_CHECK_THROW(small.standardised({.offset = Tensor({3}, 0.f)}), ShapeError);
}

BOOST_AUTO_TEST_CASE(empty_data_sets_and_parts) {
  const TensorDataset none(Tensor(Shape{0, 4}), Indices(Shape{0}));
  BOOST_TEST(none.size() == 0);
  BOOST_TEST(none.features() == 4);
  BOOST_CHECK_EXCEPTION(fit(none), DataError, speaks_of("found none"));
  const auto [first, second] = TensorDataset(Tensor({5, 4}, 1.f), Indices({5}, 0)).split(1.0);
  BOOST_TEST(first.size() == 5);
  BOOST_TEST(second.size() == 0);
  BOOST_CHECK((second.batch({}).first.shape() == Shape{0, 4}));
}

BOOST_AUTO_TEST_CASE(splits_share_and_reproduce) {
  const TensorDataset data(normal({101, 3}, "x"), normal({101}, "y"));
  manual_seed(6);
  const auto [train, rest] = data.split(0.8);
  BOOST_TEST(train.size() == 81);
  BOOST_TEST(rest.size() == 20);
  std::vector<float> together;
  for (const auto* part : {&train, &rest}) {
    const Tensor targets = part->targets();
    together.insert(together.end(), targets.elements().begin(), targets.elements().end());
  }
  const Tensor all_targets = data.targets();
  BOOST_CHECK(std::ranges::is_permutation(together, all_targets.elements()));
  random_stream("split")();
  const Tensor again = data.split(0.8).second.targets(), before = rest.targets();
  BOOST_CHECK(std::ranges::equal(again.elements(), before.elements()));
  BOOST_CHECK_THROW(data.split(1.5), ConfigError);
  manual_seed(0);
}

BOOST_AUTO_TEST_CASE(columns_are_standardised_by_the_training_part) {
  Tensor x = normal({3000, 4}, "x", 0.f, 1.f);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const float scales[] = {1.f, 1000.f, 1e-4f, 1e8f}, means[] = {0.f, -5000.f, 3e-4f, 0.f};
    x.mutable_data()[i] = x.data()[i] * scales[i % 4] + means[i % 4];
  }
  const TensorDataset data(x, normal({3000}, "y"));
  const auto [train, test] = data.split(0.7);
  const Standardisation columns = fit(train);
  const auto seen = train.standardised(columns);
  const Tensor inputs = seen.batch(all(seen)).first;
  const Tensor raw_test = test.batch(all(test)).first;
  const Tensor seen_test = test.standardised(columns).batch(all(test)).first;
  for (std::int64_t j = 0; j < 4; ++j) {
    const auto [mean, deviation] = moments(inputs, j);
    BOOST_TEST(std::abs(mean) < 1e-4);
    BOOST_TEST(std::abs(deviation - 1) < 1e-4);
  }
  const Tensor expected = columns.apply(raw_test);
  BOOST_CHECK(std::ranges::equal(seen_test.elements(), expected.elements()));
  // Another standardisation takes the first one's place; a saved model reads what the table holds.
  const auto twice = seen.standardised(fit(seen));
  const DatasetMetadata metadata = twice.metadata();
  BOOST_CHECK(std::ranges::equal(metadata.input.scale.elements(), columns.scale.elements()));
  const Tensor raw = train.batch(all(train)).first, saved = seen.as_saved().batch(all(train)).first;
  BOOST_CHECK(std::ranges::equal(raw.elements(), saved.elements()));
  BOOST_TEST(seen.as_saved().metadata().input.identity());
}

// A constant column must not become noise, whatever its value; one with a deviation of next to nothing must stay
// finite.
BOOST_AUTO_TEST_CASE(constant_columns_are_zero) {
  for (const float value : {0.f, 1.f, 0.1f, -1e30f, 3e38f, 1e-40f}) {
    Tensor x({1000, 2}, value);
    for (std::int64_t i = 0; i < 1000; ++i) x.mutable_data()[2 * i] = static_cast<float>(i);
    const TensorDataset data(x, Indices({1000}, 0));
    const Standardisation columns = fit(data);
    BOOST_TEST(columns.scale.data()[1] == 1.f);
    const Tensor seen = data.standardised(columns).batch(all(data)).first;
    for (std::int64_t i = 0; i < 1000; ++i) BOOST_REQUIRE(seen.data()[2 * i + 1] == 0.f);
  }
}

BOOST_AUTO_TEST_CASE(numbers_that_are_not_finite_are_named) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Tensor x({10, 3}, 1.f);
    x.mutable_data()[3 * 7 + 2] = value;
    const TensorDataset data(x, Indices({10}, 0), "holes");
    BOOST_CHECK_EXCEPTION(fit(data), DataError, speaks_of("data set holes", "column 2", "finite"));
  }
}

BOOST_AUTO_TEST_CASE(targets_are_standardised_and_brought_back) {
  for (const Shape& shape : {Shape{500}, Shape{500, 3}}) {
    const Tensor y = normal(shape, "y", 50.f, 7.f);
    const RegressionDataset data(normal({500, 2}, "x"), y);
    const RegressionDataset seen = data.with_standardised_targets(fit_targets(data));
    const Tensor targets = seen.targets();
    BOOST_REQUIRE(targets.shape() == shape);
    const auto [mean, deviation] = moments(targets, 0);
    BOOST_TEST(std::abs(mean) < 1e-4);
    BOOST_TEST(std::abs(deviation - 1) < 1e-4);
    const Tensor batch = seen.batch(all(seen)).second;
    BOOST_CHECK(std::ranges::equal(batch.elements(), targets.elements()));
    const Standardisation target = seen.metadata().target;
    const Tensor back = target.invert(targets);
    for (std::int64_t i = 0; i < y.size(); ++i) BOOST_REQUIRE(std::abs(back.data()[i] - y.data()[i]) < 1e-4f);
    const Standardisation again = fit_targets(seen);  // of the targets themselves
    BOOST_CHECK(std::ranges::equal(again.offset.elements(), target.offset.elements()));
    BOOST_CHECK_THROW(data.with_standardised_targets({.offset = Tensor({2}, 0.f)}), ShapeError);
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const TensorDataset data(normal({3000, 40}, "x"), Indices({3000}, 0));
  test::same_bits_on_any_threads([&] {
    const Standardisation columns = fit(data);
    return std::vector{columns.offset, columns.scale, data.standardised(columns).batch(all(data)).first};
  });
}

BOOST_AUTO_TEST_SUITE_END()
