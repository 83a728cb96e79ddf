#include <canopy/core/kernels/grouping.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

#include <canopy/core/random.hpp>

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

BOOST_AUTO_TEST_SUITE_END()
