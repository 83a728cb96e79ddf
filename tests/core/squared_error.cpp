#include <canopy/core/kernels/squared_error.hpp>

#include <cmath>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(squared_error)

BOOST_AUTO_TEST_CASE(agrees_with_a_loop_in_double_on_any_number_of_threads) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 33, 1023, 1024, 1025, 100003}) {
    Tensor a({n}), b({n}), scaled({n}, -7.f);
    RandomStream stream(n, "squared_error");
    stream.fill_normal(a.mutable_elements(), 0.f, 1.f);
    stream.fill_normal(b.mutable_elements(), 1.f, 2.f);
    double expected = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double d = static_cast<double>(a.data()[i]) - b.data()[i];
      expected += d * d;
    }
    const auto run = [&](int threads) {
      const ThreadGuard guard(threads);
      return kernels::squared_error(a.data(), b.data(), n);
    };
    BOOST_TEST(std::abs(run(1) - expected) <= 1e-6 * expected, n << " elements: " << run(1) << " not " << expected);
    for (const int threads : {2, 3, 5}) BOOST_TEST(run(threads) == run(1));

    kernels::scaled_difference(a.data(), b.data(), 0.5f, scaled.mutable_data(), n);
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < n; ++i) wrong += scaled.data()[i] != 0.5f * (a.data()[i] - b.data()[i]);
    BOOST_TEST(wrong == 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()
