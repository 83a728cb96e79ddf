#include <canopy/core/kernels/grouping.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(grouping)

BOOST_AUTO_TEST_CASE(sorts_as_a_stable_sort_does) {
  RandomStream random(0, "groups");
  for (const std::int64_t n : {0, 1, 2, 100, 5000}) {
    for (const std::int64_t groups : {1, 2, 7, 4096}) {
      for (const bool skewed : {false, true}) {
        std::vector<std::int32_t> group(static_cast<std::size_t>(n));
        for (std::int32_t& g : group) {
          g = static_cast<std::int32_t>(skewed && random() % 10 != 0 ? groups - 1
                                                                     : random() % static_cast<std::uint64_t>(groups));
        }
        std::vector<std::int32_t> offsets(static_cast<std::size_t>(groups) + 1), order(group.size()),
            twin(group.size());
        kernels::group_rows(group.data(), n, groups, offsets.data(), order.data());
        std::iota(twin.begin(), twin.end(), 0);
        std::ranges::stable_sort(twin, {}, [&](std::int32_t i) { return group[static_cast<std::size_t>(i)]; });
        BOOST_TEST(order == twin, boost::test_tools::per_element());
        BOOST_TEST(offsets.front() == 0);
        for (std::int64_t g = 0; g < groups; ++g) {
          const auto size = std::ranges::count(group, static_cast<std::int32_t>(g));
          BOOST_TEST(offsets[static_cast<std::size_t>(g) + 1] - offsets[static_cast<std::size_t>(g)] == size);
        }
      }
    }
  }
}

// Numbers of one digit and of two, few items and several blocks of them.
BOOST_AUTO_TEST_CASE(only_groups_in_use_take_room) {
  RandomStream random(0, "items");
  for (const std::int64_t n : {0, 1, 3, 256, 50000}) {
    for (const std::int64_t groups : {1, 2, 7, 2048, 2049, 1 << 15}) {
      Indices group({n});
      for (std::int32_t& g : group.mutable_elements()) {
        const std::uint64_t any = random() % static_cast<std::uint64_t>(groups);
        g = static_cast<std::int32_t>(random() % 2 == 0 ? groups / 2 : any);
      }
      std::vector<std::int32_t> offsets(static_cast<std::size_t>(groups) + 1), order(static_cast<std::size_t>(n));
      kernels::group_rows(group.data(), n, groups, offsets.data(), order.data());
      std::vector<std::int32_t> used, begin;
      for (std::int32_t g = 0; g < groups; ++g) {
        const auto at = static_cast<std::size_t>(g);
        if (offsets[at] == offsets[at + 1]) continue;
        used.push_back(g);
        begin.push_back(offsets[at]);
      }
      begin.push_back(static_cast<std::int32_t>(n));
      for (const int threads : {1, 2, 4}) {
        const ThreadGuard guard(threads);
        const kernels::Grouping found = kernels::group_items(group.data(), n, groups);
        BOOST_TEST(std::ranges::equal(found.order.elements(), order));
        BOOST_TEST(std::ranges::equal(found.used.elements(), used));
        BOOST_TEST(std::ranges::equal(found.begin.elements(), begin));
        for (std::int32_t p = 0; p < n; ++p) BOOST_REQUIRE(found.position.data()[found.order.data()[p]] == p);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
