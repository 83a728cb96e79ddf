#include <canopy/core/kernels/grouping.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(grouping)

namespace {

std::vector<std::int32_t> stable_order(const Indices& group) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(group.size()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::int32_t i) { return group.data()[i]; });
  return order;
}

}  // namespace

// Numbers of one digit and of several, few items and several blocks of them, evenly and most in one group.
BOOST_AUTO_TEST_CASE(sorts_as_a_stable_sort_does) {
  RandomStream random(0, "groups");
  for (const std::int64_t n : {0, 1, 2, 3, 31, 100, 256, 5000, 50000}) {
    for (const std::int64_t groups : {1, 2, 7, 2048, 2049, 1 << 15, 1 << 24}) {
      for (const bool skewed : {false, true}) {
        Indices group({n});
        for (std::int32_t& g : group.mutable_elements()) {
          const std::uint64_t any = random() % static_cast<std::uint64_t>(groups);
          g = static_cast<std::int32_t>(skewed && random() % 10 != 0 ? groups - 1 : static_cast<std::int64_t>(any));
        }
        const std::vector<std::int32_t> twin = stable_order(group);
        std::vector<std::int32_t> used, begin;
        for (std::size_t p = 0; p < twin.size(); ++p) {
          const std::int32_t g = group.data()[twin[p]];
          if (p > 0 && used.back() == g) continue;
          used.push_back(g);
          begin.push_back(static_cast<std::int32_t>(p));
        }
        begin.push_back(static_cast<std::int32_t>(n));
        for (const int threads : {1, 2, 4}) {
          const ThreadGuard guard(threads);
          std::vector<std::int32_t> order(twin.size());
          kernels::sort_by_group(group.data(), n, groups, order.data());
          BOOST_TEST((order == twin), n << " items of " << groups << " groups");
          const kernels::Grouping found = kernels::group_items(group.data(), n, groups);
          BOOST_TEST(std::ranges::equal(found.order.elements(), twin));
          BOOST_TEST(std::ranges::equal(found.used.elements(), used));
          BOOST_TEST(std::ranges::equal(found.begin.elements(), begin));
          for (std::int32_t p = 0; p < n; ++p) BOOST_REQUIRE(found.position.data()[found.order.data()[p]] == p);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
