#include <canopy/core/kernels/top_k.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(top_k)

namespace {

// A stable sort, NaN first, cut off.
std::vector<std::int32_t> twin(const std::vector<float>& x, std::int64_t n, std::int64_t k) {
  std::vector<std::int32_t> index;
  for (std::size_t row = 0; row < x.size(); row += static_cast<std::size_t>(n)) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](std::int32_t a, std::int32_t b) {
      const float p = x[row + static_cast<std::size_t>(a)], q = x[row + static_cast<std::size_t>(b)];
      return std::isnan(q) ? false : std::isnan(p) || p > q;
    });
    index.insert(index.end(), order.begin(), order.begin() + k);
  }
  return index;
}

std::vector<std::int32_t> found(const std::vector<float>& x, std::int64_t n, std::int64_t k) {
  const std::int64_t rows = static_cast<std::int64_t>(x.size()) / n;
  std::vector<std::int32_t> index(static_cast<std::size_t>(rows * k));
  kernels::top_k(x.data(), rows, n, k, index.data());
  return index;
}

std::vector<float> normal(std::int64_t size, const char* purpose) {
  std::vector<float> x(static_cast<std::size_t>(size));
  RandomStream(0, purpose).fill_normal(x, 0.f, 1.f);
  return x;
}

}  // namespace

BOOST_AUTO_TEST_CASE(is_a_stable_sort_cut_off) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const std::int64_t n : {1, 2, 7, 16, 33, 500, 1024, 1025, 5000, 32768}) {
    for (const std::int64_t k : {std::int64_t{1}, std::int64_t{2}, std::int64_t{32}, std::int64_t{33}, n}) {
      if (k > n) continue;
      const std::int64_t rows = n < 1000 ? 40 : 3;
      const std::vector<float> distinct = normal(rows * n, "distinct");
      BOOST_TEST(found(distinct, n, k) == twin(distinct, n, k), n << ", " << k);
      std::vector<float> equal = distinct;  // few values, many ties
      for (float& v : equal) v = std::round(2 * v);
      BOOST_TEST(found(equal, n, k) == twin(equal, n, k), n << ", " << k << " with ties");
      std::vector<float> odd = equal;  // NaN, infinities, both zeros
      for (std::size_t i = 0; i < odd.size(); i += 5) {
        odd[i] = std::array{std::nanf(""), -infinity, infinity, -0.f, -std::nanf("")}[i / 5 % 5];
      }
      BOOST_TEST(found(odd, n, k) == twin(odd, n, k), n << ", " << k << " with NaN");
      const std::vector<float> lowest(static_cast<std::size_t>(n), -infinity);
      BOOST_TEST(found(lowest, n, k) == twin(lowest, n, k), n << ", " << k << " of -infinity");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_single_nan_is_the_largest_wherever_it_stands) {
  for (const std::int64_t n : {1, 15, 17, 1024, 3000}) {
    for (const std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
      std::vector<float> x = normal(n, "x");
      x[static_cast<std::size_t>(at)] = std::nanf("");
      for (const std::int64_t k : {1, 2, 40}) {
        if (k <= n) BOOST_TEST(found(x, n, k).front() == at);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(columns_are_gathered_and_gradients_put_back) {
  const std::int64_t rows = 300, n = 200, k = 3;
  const std::vector<float> x = normal(rows * n, "x"), dy = normal(rows * k, "dy");
  std::vector<std::int32_t> index = found(x, n, k);
  index[2] = index[0];  // named twice
  std::vector<float> y(dy.size()), dx(x.size()), expected(x.size());
  kernels::gather_columns(x.data(), index.data(), rows, n, k, y.data());
  kernels::gather_columns_backward(dy.data(), index.data(), rows, n, k, dx.data());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t at = i / k * n + static_cast<std::size_t>(index[i]);
    BOOST_REQUIRE(y[i] == x[at]);
    expected[at] += dy[i];
  }
  BOOST_TEST(dx == expected);
}

BOOST_AUTO_TEST_CASE(probabilities_are_those_of_the_formula) {
  for (const std::int64_t n : {2, 5, 16, 70}) {
    for (const std::int64_t k : {std::int64_t{1}, n / 2, n - 1}) {
      const std::int64_t rows = 9;
      const std::vector<float> mean = normal(rows * n, "mean"), dp = normal(rows * n, "dp");
      std::vector<float> deviation = normal(rows * n, "deviation"), noisy = normal(rows * n, "noise");
      for (std::size_t i = 0; i < mean.size(); ++i) {
        deviation[i] = std::abs(deviation[i]) + 0.1f;
        noisy[i] = mean[i] + noisy[i] * deviation[i];
      }
      const std::vector<std::int32_t> order = found(noisy, n, k + 1);
      std::vector<std::int32_t> index;
      std::vector<float> threshold;
      for (std::int64_t r = 0; r < rows; ++r) {
        index.insert(index.end(), order.begin() + r * (k + 1), order.begin() + r * (k + 1) + k);
        for (const std::int64_t j : {k - 1, k}) {
          threshold.push_back(
              noisy[static_cast<std::size_t>(r * n + order[static_cast<std::size_t>(r * (k + 1) + j)])]);
        }
      }
      std::vector<float> p(mean.size()), dmean(mean.size()), ddeviation(mean.size()), dthreshold(threshold.size());
      const kernels::TopKProbability of{mean.data(), deviation.data(), threshold.data(), index.data(), rows, n, k};
      kernels::top_k_probability(of, p.data());
      kernels::top_k_probability_backward(of, dp.data(), dmean.data(), ddeviation.data(), dthreshold.data());
      for (std::int64_t r = 0; r < rows; ++r) {
        double sums[2] = {};
        for (std::int64_t e = 0; e < n; ++e) {
          const auto i = static_cast<std::size_t>(r * n + e);
          std::vector<float> others(noisy.begin() + r * n, noisy.begin() + (r + 1) * n);
          others.erase(others.begin() + e);
          std::ranges::sort(others, std::greater<>());
          const double limit = others[static_cast<std::size_t>(k - 1)];
          const double z = (mean[i] - limit) / deviation[i];
          BOOST_REQUIRE_SMALL(p[i] - std::erfc(-z / std::sqrt(2.)) / 2, 1e-6);
          const double g = dp[i] * std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.)) / deviation[i];
          BOOST_REQUIRE_SMALL(dmean[i] - g, 1e-5);
          BOOST_REQUIRE_SMALL(ddeviation[i] + g * z, 1e-5);
          const auto first = index.begin() + r * k;
          sums[std::find(first, first + k, static_cast<std::int32_t>(e)) != first + k ? 1 : 0] -= g;
        }
        for (std::int64_t j : {0, 1})
          BOOST_REQUIRE_SMALL(dthreshold[static_cast<std::size_t>(2 * r + j)] - sums[j], 1e-5);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_same_on_any_number_of_threads) {
  const std::int64_t rows = 400, n = 700, k = 5;
  const std::vector<float> x = normal(rows * n, "x"), threshold = normal(rows * 2, "threshold");
  const std::vector<float> deviation(x.size(), 0.7f);
  std::vector<std::int32_t> index;
  std::vector<float> first;
  for (const int threads : {1, 2, 4}) {
    const ThreadGuard guard(threads);
    const std::vector<std::int32_t> now = found(x, n, k);
    if (index.empty()) index = now;
    BOOST_TEST(now == index);
    const kernels::TopKProbability of{x.data(), deviation.data(), threshold.data(), index.data(), rows, n, k};
    std::vector<float> p(x.size()), dmean(x.size()), ddeviation(x.size()), dthreshold(threshold.size());
    kernels::top_k_probability(of, p.data());
    kernels::top_k_probability_backward(of, x.data(), dmean.data(), ddeviation.data(), dthreshold.data());
    p.insert(p.end(), dmean.begin(), dmean.end());
    p.insert(p.end(), dthreshold.begin(), dthreshold.end());
    if (first.empty()) first = p;
    BOOST_TEST(p == first);
  }
}

BOOST_AUTO_TEST_SUITE_END()
