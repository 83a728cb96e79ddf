// Results that are to be the same to the last bit.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

namespace canopy::test {

/// Whether two arrays have the same shape and bits: a NaN is equal to itself, 0 is not -0.
template <class T>
bool same_bits(const Array<T>& a, const Array<T>& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0);
}

/// Checks that `work`, which returns arrays, gives the same bits for any number of threads; returns what it gave on
/// one.
template <class Work>
std::vector<Tensor> same_bits_on_any_threads(const Work& work) {
  const auto on = [&](int threads) -> std::vector<Tensor> {
    const ThreadGuard guard(threads);
    return work();
  };
  std::vector<Tensor> expected = on(1);
  for (const int threads : {2, 3, 5}) {
    const std::vector<Tensor> found = on(threads);
    BOOST_TEST_REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      BOOST_TEST(same_bits(found[i], expected[i]), "array " << i << " on " << threads << " threads");
    }
  }
  return expected;
}

}  // namespace canopy::test
