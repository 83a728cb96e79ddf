#include <canopy/datasets/data_loader.hpp>

#include <algorithm>
#include <map>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/datasets/permutation.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(data_loader)

namespace {

// Image i has the value i and the label i.
ImageDataset counting(std::int64_t count) {
  LabelledImages images;
  images.name = "counting";
  images.shape = {1, 1, 1};
  images.values = Tensor({count, 1});
  images.labels = Indices({count});
  images.classes = count;
  for (std::int64_t i = 0; i < count; ++i) {
    images.values.mutable_data()[i] = static_cast<float>(i);
    images.labels.mutable_data()[i] = static_cast<std::int32_t>(i);
  }
  return ImageDataset(images);
}

std::vector<std::int32_t> pass(const DataLoader& loader) {
  std::vector<std::int32_t> seen;
  std::int64_t batches = 0;
  for (const auto& [images, labels] : loader) {
    BOOST_TEST(images.extent(0) == labels.size());
    for (std::int64_t i = 0; i < labels.size(); ++i) {
      BOOST_TEST(images.data()[i] == static_cast<float>(labels.data()[i]));
      seen.push_back(labels.data()[i]);
    }
    ++batches;
  }
  BOOST_TEST(batches == loader.size());
  return seen;
}

std::vector<std::int32_t> sorted(std::vector<std::int32_t> values) {
  std::ranges::sort(values);
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_pass_covers_every_image_once) {
  for (const std::int64_t count : {0, 1, 15, 16, 17, 33, 1000}) {
    std::vector<std::int32_t> all(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int32_t>(i);
    for (const std::int64_t batch_size : {1, 16, 2000}) {
      BOOST_TEST(pass(DataLoader(counting(count), {.batch_size = batch_size})) == all);
      BOOST_TEST(sorted(pass(DataLoader(counting(count), {.batch_size = batch_size, .shuffle = true}))) == all);
      const std::int64_t full = count / batch_size * batch_size;
      const DataLoader dropping(counting(count), {.batch_size = batch_size, .drop_last = true});
      BOOST_TEST(dropping.size() == count / batch_size);
      BOOST_TEST(pass(dropping).size() == static_cast<std::size_t>(full));
    }
  }
  BOOST_CHECK_THROW(DataLoader(counting(3), {.batch_size = 0}), ConfigError);
}

BOOST_AUTO_TEST_CASE(every_pass_has_its_own_order) {
  manual_seed(11);
  const DataLoader loader(counting(100), {.batch_size = 7, .shuffle = true});
  const auto first = pass(loader);
  const auto second = pass(loader);
  BOOST_TEST(first != sorted(first));
  BOOST_TEST(first != second);
  manual_seed(11);
  BOOST_TEST(pass(loader) == first);
  BOOST_TEST(pass(DataLoader(counting(100), {.batch_size = 10, .shuffle = true})) == second);
  manual_seed(12);
  BOOST_TEST(pass(loader) != first);
  manual_seed(0);
}

// The stream's position counts blocks of four numbers; a pass must not depend on what is left of a block.
BOOST_AUTO_TEST_CASE(a_run_continues_from_a_position) {
  for (const std::int64_t count : {2, 3, 4, 5, 50}) {
    manual_seed(11);
    const DataLoader loader(counting(count), {.shuffle = true});
    pass(loader);
    const auto positions = random_positions();
    const auto next = pass(loader);
    const auto after_next = pass(loader);
    restore_random(11, positions);
    BOOST_TEST(pass(loader) == next);
    BOOST_TEST(pass(loader) == after_next);
  }
  manual_seed(0);
}

BOOST_AUTO_TEST_CASE(a_stream_of_its_own) {
  manual_seed(0);
  const std::uint64_t before = random_stream("order").position();
  RandomStream stream(5, "order of a test");
  const DataLoader loader(counting(40), {.shuffle = true, .stream = &stream});
  const auto first = pass(loader);
  BOOST_TEST(random_stream("order").position() == before);
  BOOST_TEST(stream.position() > 0u);
  stream.seek(0);
  BOOST_TEST(pass(loader) == first);
}

// Each of the 24 orders of four within five standard deviations of its share.
BOOST_AUTO_TEST_CASE(permutations_are_uniform) {
  RandomStream stream(1, "permutations of a test");
  constexpr int draws = 24'000;
  std::map<std::vector<std::int64_t>, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[datasets::permutation(4, stream)];
  BOOST_TEST(counts.size() == 24u);
  for (const auto& [order, count] : counts) BOOST_TEST(std::abs(count - 1000) < 155);
}

BOOST_AUTO_TEST_SUITE_END()
