#include <canopy/datasets/data_loader.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>
#include <canopy/datasets/image_dataset.hpp>
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

std::vector<std::int32_t> pass(const DataLoader<ImageDataset>& loader) {
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

namespace {

/// Batches of any type will do: here the indices themselves. Counts, and may fail.
struct Positions {
  std::int64_t count;
  std::atomic<std::int64_t>* made;
  std::int64_t fails_at = std::numeric_limits<std::int64_t>::max();

  std::int64_t size() const { return count; }
  std::vector<std::int64_t> batch(std::span<const std::int64_t> indices) const {
    if (made->fetch_add(1) == fails_at) throw std::runtime_error("the disk is gone");
    return {indices.begin(), indices.end()};
  }
};

using Batches = std::vector<std::vector<std::int64_t>>;

Batches batches_of(std::int64_t count, const DataLoaderOptions& options) {
  std::atomic<std::int64_t> made = 0;
  Batches batches;
  const DataLoader loader(Positions{count, &made}, options);
  for (const auto& batch : loader) batches.push_back(batch);
  BOOST_TEST(made == loader.size());
  return batches;
}

}  // namespace

BOOST_AUTO_TEST_CASE(prefetched_batches_are_the_same) {
  for (const std::int64_t count : {0, 1, 16, 33, 100}) {
    for (const bool shuffle : {false, true}) {
      manual_seed(4);
      const Batches expected = batches_of(count, {.batch_size = 16, .shuffle = shuffle});
      for (const std::int64_t prefetch : {1, 2, 50}) {
        manual_seed(4);
        BOOST_CHECK(batches_of(count, {.batch_size = 16, .shuffle = shuffle, .prefetch = prefetch}) == expected);
      }
    }
  }
  manual_seed(0);
}

BOOST_AUTO_TEST_CASE(no_more_batches_are_prepared_than_asked_for) {
  std::atomic<std::int64_t> made = 0;
  const DataLoader loader(Positions{100, &made}, {.batch_size = 1, .prefetch = 3});
  auto batch = loader.begin();
  BOOST_TEST((*batch).front() == 0);
  while (made < 4) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  BOOST_TEST(made == 4);  // one taken, three ahead
}

BOOST_AUTO_TEST_CASE(a_pass_may_stop_early) {
  std::atomic<std::int64_t> made = 0;
  for (int i = 0; i < 200; ++i) {
    for (const auto& batch : DataLoader(Positions{1000, &made}, {.batch_size = 10, .prefetch = 1 + i % 3})) {
      if (batch.front() >= 10 * (i % 5)) break;
    }
    const DataLoader never_looked_at(Positions{1000, &made}, {.prefetch = 2});
    never_looked_at.begin();
  }
}

BOOST_AUTO_TEST_CASE(batches_may_be_passed_over) {
  for (const std::int64_t prefetch : {0, 2}) {
    std::atomic<std::int64_t> made = 0;
    const DataLoader loader(Positions{10, &made}, {.batch_size = 2, .prefetch = prefetch});
    auto batch = loader.begin();
    ++batch;
    batch++;
    BOOST_TEST(batch->front() == 4);
    BOOST_TEST((*batch).front() == 4);
  }
}

BOOST_AUTO_TEST_CASE(errors_of_the_thread_reach_the_caller) {
  for (const std::int64_t prefetch : {0, 1, 4}) {
    std::atomic<std::int64_t> made = 0;
    const DataLoader loader(Positions{10, &made, 3}, {.batch_size = 1, .prefetch = prefetch});
    std::int64_t seen = 0;
    auto batch = loader.begin();
    BOOST_CHECK_EXCEPTION(
        for (; batch != loader.end(); ++batch) seen += (*batch).front() == seen ? 1 : 0, std::runtime_error,
        [](const std::runtime_error& error) { return std::string(error.what()) == "the disk is gone"; });
    BOOST_TEST(seen == 3);
    if (prefetch > 0) BOOST_CHECK_THROW(*batch, std::runtime_error);
  }
}

namespace {

/// What a batch computes where it is made: whether kernels share their work, and whether denormals are numbers.
struct Environment {
  std::int64_t size() const { return 1; }
  std::pair<int, bool> batch(std::span<const std::int64_t>) const {
    const volatile float small = std::numeric_limits<float>::min();
    const bool flushed = small / 4.f == 0.f;
    std::atomic<int> ranges = 0;
    parallel_for(100, 1, [&](std::int64_t, std::int64_t) { ++ranges; });
    return {ranges.load(), flushed};
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(the_thread_computes_as_the_caller_does) {
  const ThreadGuard guard(3);
  for (const bool flushed : {true, false}) {
    std::pair<int, bool> alone, ahead;
    std::thread([&] {
      std::optional<FlushDenormals> flush;
      if (flushed) flush.emplace();
      ahead = *DataLoader(Environment(), {.prefetch = 1}).begin();
      alone = *DataLoader(Environment(), {}).begin();
    }).join();
    BOOST_TEST(alone.first == 3);
    BOOST_TEST(ahead.first == 1);
    BOOST_TEST(alone.second == flushed);
    BOOST_TEST(ahead.second == flushed);
  }
}

// Rank after rank, the parts of a batch are the batch of one process.
BOOST_AUTO_TEST_CASE(ranks_share_every_batch) {
  for (const std::int64_t count : {0, 1, 16, 17, 19, 50}) {
    for (const int ranks : {1, 2, 3, 7}) {
      for (const bool drop_last : {false, true}) {
        manual_seed(9);
        const DataLoaderOptions one{.batch_size = 16, .shuffle = true, .drop_last = drop_last};
        const Batches whole = batches_of(count, one);
        Batches together(whole.size());
        for (int rank = 0; rank < ranks; ++rank) {
          manual_seed(9);  // every process has its own stream
          DataLoaderOptions options = one;
          options.rank = rank;
          options.ranks = ranks;
          options.prefetch = rank % 2;
          const Batches part = batches_of(count, options);
          BOOST_REQUIRE(part.size() == whole.size());
          for (std::size_t i = 0; i < part.size(); ++i) {
            const auto share = static_cast<double>(whole[i].size()) / ranks;
            BOOST_TEST(std::abs(static_cast<double>(part[i].size()) - share) < 1);
            together[i].insert(together[i].end(), part[i].begin(), part[i].end());
          }
        }
        BOOST_CHECK(together == whole);
        const BatchPlan plan(count, one);
        for (std::size_t i = 0; i < whole.size(); ++i) {
          BOOST_TEST(plan.batch_size(static_cast<std::int64_t>(i)) == static_cast<std::int64_t>(whole[i].size()));
        }
      }
    }
  }
  manual_seed(0);
}

BOOST_AUTO_TEST_CASE(a_resumed_pass_skips_what_was_seen) {
  for (const std::int64_t prefetch : {0, 2}) {
    for (const std::int64_t skip : {0, 1, 3, 4, 10}) {
      manual_seed(2);
      const Batches whole = batches_of(50, {.batch_size = 16, .shuffle = true});
      manual_seed(2);
      const Batches rest = batches_of(50, {.batch_size = 16, .shuffle = true, .prefetch = prefetch, .skip = skip});
      BOOST_CHECK(rest == Batches(whole.begin() + std::min<std::int64_t>(skip, 4), whole.end()));
    }
  }
  BOOST_TEST(BatchPlan(50, {.batch_size = 16, .skip = 3}).batch_size(0) == 2);
  manual_seed(0);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense) {
  for (const DataLoaderOptions& options :
       {DataLoaderOptions{.batch_size = 0}, DataLoaderOptions{.prefetch = -1}, DataLoaderOptions{.skip = -1},
        DataLoaderOptions{.ranks = 0}, DataLoaderOptions{.rank = 2, .ranks = 2}, DataLoaderOptions{.rank = -1}}) {
    BOOST_CHECK_THROW(DataLoader(counting(3), options), ConfigError);
  }
}

// The passes of a loader hold one copy of a data set, whatever its size.
BOOST_AUTO_TEST_CASE(a_pass_copies_no_samples) {
  struct Counted {
    int* copies;
    explicit Counted(int* count) : copies(count) {}
    Counted(const Counted& other) : copies(other.copies) { ++*copies; }
    std::int64_t size() const { return 3; }
    std::int64_t batch(std::span<const std::int64_t> indices) const { return std::ssize(indices); }
  };
  int copies = 0;
  const DataLoader loader(Counted(&copies), {.batch_size = 1, .prefetch = 1});
  const int before = copies;
  std::int64_t samples = 0;
  for (int pass = 0; pass < 3; ++pass) {
    for (const std::int64_t count : loader) samples += count;
  }
  BOOST_TEST(samples == 9);
  BOOST_TEST(copies == before);
}

BOOST_AUTO_TEST_SUITE_END()
