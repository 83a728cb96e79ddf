#include <canopy/core/kernels/dropout.hpp>

#include <algorithm>
#include <cmath>

#include <canopy/core/array.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(dropout)

BOOST_AUTO_TEST_CASE(the_mask_is_the_streams_next_numbers_on_any_number_of_threads) {
  for (const std::int64_t n : {0, 1, 3, 4, 5, 1000, 50001}) {
    RandomStream plain(3, "dropout");
    plain.seek(11);
    Tensor dropped({n});
    plain.fill_bernoulli(dropped.mutable_elements(), 0.3f);
    for (const int threads : {1, 2, 3}) {
      const ThreadGuard guard(threads);
      RandomStream stream(3, "dropout");
      stream.seek(11);
      Tensor mask({n}, -7.f);
      kernels::dropout_mask(stream, 0.3f, mask.mutable_data(), n);
      BOOST_TEST(stream.position() == plain.position());
      BOOST_TEST(std::equal(mask.elements().begin(), mask.elements().end(), dropped.elements().begin(),
                            [](float m, float d) { return m == (d == 1.f ? 0.f : 1.f / 0.7f); }),
                 n << " elements, " << threads << " threads");
    }
  }
}

BOOST_AUTO_TEST_CASE(the_probability_is_met) {
  constexpr std::int64_t n = 1 << 16;
  RandomStream stream(5, "dropout");
  Tensor mask({n});
  kernels::dropout_mask(stream, 0.25f, mask.mutable_data(), n);
  const auto zeros = std::count(mask.elements().begin(), mask.elements().end(), 0.f);
  // Five standard deviations of a binomial distribution.
  BOOST_TEST(std::abs(static_cast<double>(zeros) - 0.25 * n) < 5 * std::sqrt(0.25 * 0.75 * n));
}

BOOST_AUTO_TEST_SUITE_END()
