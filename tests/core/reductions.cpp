#include <canopy/core/kernels/reductions.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(reductions)

namespace {

// Numbers around 1, so that long sums are long.
Tensor random(const Shape& shape) {
  Tensor x(shape);
  RandomStream(9, "x").fill_uniform(x.mutable_elements(), -1.f, 3.f);
  return x;
}

// [outer, n, inner]
const std::vector<std::array<std::int64_t, 3>> shapes{
    {1, 0, 1},     {3, 0, 4},    {0, 3, 2},    {1, 1, 1},   {1, 15, 1},   {1, 16, 1},    {1, 17, 1},    {1, 100003, 1},
    {5, 33, 1},    {257, 10, 1}, {7, 1000, 1}, {1, 5, 3},   {1, 256, 10}, {1, 256, 128}, {1, 70, 1000}, {1, 65, 2051},
    {1, 20011, 7}, {1, 3, 65},   {4, 5, 6},    {3, 70, 17}, {2, 33, 130}, {2, 2000, 1}};

using Reduction = void (*)(const float*, float*, std::int64_t, std::int64_t, std::int64_t);

Tensor reduce(Reduction kernel, const Tensor& x) {
  Tensor out(x.shape().without(1));
  kernel(x.data(), out.mutable_data(), x.extent(0), x.extent(1), x.extent(2));
  return out;
}

}  // namespace

// What leaves the range of floats on the way only.
BOOST_AUTO_TEST_CASE(sums_near_the_ends_of_the_range) {
  const float largest = std::numeric_limits<float>::max();
  for (const auto& extents : shapes) {
    Tensor x(Shape(extents), largest);
    if (x.empty() || extents[1] < 2) continue;
    const Tensor mean = reduce(kernels::mean_axis, x);
    for (const float m : mean.elements()) BOOST_TEST(std::abs(m / largest - 1) < 1e-6f, x.shape().to_string());
    // The first half of each axis against the second, and 0 for an odd one out.
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const std::int64_t k = i / extents[2] % extents[1];
      if (k >= extents[1] / 2) x.mutable_data()[i] = k < extents[1] / 2 * 2 ? -largest : 0.f;
    }
    const Tensor sum = reduce(kernels::sum_axis, x);
    for (const float s : sum.elements()) BOOST_TEST(s == 0.f, x.shape().to_string());
    BOOST_TEST(kernels::sum(x.data(), x.size()) == 0, x.shape().to_string());
  }
}

BOOST_AUTO_TEST_CASE(sums_and_means) {
  for (const auto& extents : shapes) {
    const Tensor x = random(Shape(extents));
    if (x.empty()) continue;  // below
    const xt::xarray<double> exact = xt::cast<double>(view(x));
    const xt::xarray<double> expected = xt::sum(exact, {1});
    const xt::xarray<double> magnitude = xt::sum(xt::abs(exact), {1});
    const Tensor sum = reduce(kernels::sum_axis, x);
    const Tensor mean = reduce(kernels::mean_axis, x);
    double worst = 0, worst_mean = 0;
    for (std::int64_t i = 0; i < sum.size(); ++i) {
      const double scale = std::max(magnitude.data()[i], 1e-30);
      worst = std::max(worst, std::abs(sum.data()[i] - expected.data()[i]) / scale);
      const auto n = static_cast<double>(extents[1]);
      worst_mean = std::max(worst_mean, std::abs(mean.data()[i] - expected.data()[i] / n) * n / scale);
    }
    BOOST_TEST(worst < 1e-6, x.shape().to_string() << " is off by " << worst);
    BOOST_TEST(worst_mean < 1e-6, x.shape().to_string() << " is off by " << worst_mean);
    const double total = kernels::sum(x.data(), x.size());
    BOOST_TEST(std::abs(total - xt::sum(exact)()) <= 1e-6 * xt::sum(xt::abs(exact))());
  }
}

BOOST_AUTO_TEST_CASE(nothing_to_sum) {
  const Tensor x({3, 0, 4});
  BOOST_TEST(kernels::sum(x.data(), 0) == 0.0);
  const Tensor sums = reduce(kernels::sum_axis, x);
  const Tensor means = reduce(kernels::mean_axis, x);
  for (const float v : sums.elements()) BOOST_TEST(v == 0.f);
  for (const float v : means.elements()) BOOST_TEST(std::isnan(v));
  BOOST_TEST(reduce(kernels::sum_axis, Tensor({0, 3, 2})).empty());
  BOOST_TEST(reduce(kernels::sum_axis, Tensor({1, 3, 0})).empty());
}

// Added one by one, float32 would stop at 2^24.
BOOST_AUTO_TEST_CASE(long_sums_keep_small_terms) {
  constexpr std::int64_t half = 10'000'000, n = 2 * half;
  const Tensor x({n}, 1.f);
  BOOST_TEST(kernels::sum(x.data(), n) == static_cast<double>(n));
  Tensor columns({2});
  kernels::sum_axis(x.data(), columns.mutable_data(), 1, half, 2);
  BOOST_TEST(columns.data()[0] == static_cast<float>(half));
}

BOOST_AUTO_TEST_CASE(maxima_and_their_places) {
  for (const auto& extents : shapes) {
    if (extents[1] == 0) continue;
    Tensor x = random(Shape(extents));
    for (float& v : x.mutable_elements()) v = std::round(v * 8.f);  // ties
    const auto [outer, n, inner] = extents;
    Tensor largest({outer, inner});
    Indices index({outer, inner});
    kernels::max_axis(x.data(), largest.mutable_data(), index.mutable_data(), outer, n, inner);
    bool agrees = true;
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < inner; ++i) {
        std::int64_t first = 0;
        const auto at = [&, n = n, inner = inner](std::int64_t k) { return x.data()[(o * n + k) * inner + i]; };
        for (std::int64_t k = 1; k < n; ++k) first = at(k) > at(first) ? k : first;
        agrees = agrees && index.data()[o * inner + i] == first && largest.data()[o * inner + i] == at(first);
      }
    }
    BOOST_TEST(agrees, x.shape().to_string());
    Tensor without_places({outer, inner});
    kernels::max_axis(x.data(), without_places.mutable_data(), nullptr, outer, n, inner);
    BOOST_TEST(test::same_bits(without_places, largest));
    if (inner == 1) {
      Indices rows({outer, inner});
      kernels::argmax_rows(x.data(), rows.mutable_data(), outer, n);
      BOOST_TEST(std::equal(rows.data(), rows.data() + outer, index.data()));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_maximum_of_infinities_and_nan) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> row(37, -infinity);
  std::int32_t index = -1;
  kernels::argmax_rows(row.data(), &index, 1, 37);
  BOOST_TEST(index == 0);
  row[3] = infinity;
  row[20] = nan;
  row[35] = nan;
  float largest = 0;
  kernels::max_axis(row.data(), &largest, &index, 1, 37, 1);
  BOOST_TEST(std::isnan(largest));
  BOOST_TEST(index == 20);
  const float columns[] = {1.f, nan, nan, 5.f, 2.f, nan};  // [3, 2]
  float out[2];
  std::int32_t places[2];
  kernels::max_axis(columns, out, places, 1, 3, 2);
  BOOST_TEST(std::isnan(out[0]));
  BOOST_TEST(places[0] == 1);
  BOOST_TEST(std::isnan(out[1]));
  BOOST_TEST(places[1] == 0);
}

BOOST_AUTO_TEST_CASE(gradients_go_back_where_they_belong) {
  for (const auto& extents : shapes) {
    const auto [outer, n, inner] = extents;
    const Tensor dy = random({outer, inner});
    Tensor expanded({outer, n, inner}), placed({outer, n, inner}, 7.f);
    Indices index({outer, inner});
    std::int32_t next = 0;
    for (std::int32_t& k : index.mutable_elements()) k = n == 0 ? 0 : next++ % static_cast<std::int32_t>(n);
    kernels::expand_axis(dy.data(), 0.5f, expanded.mutable_data(), outer, n, inner);
    if (n > 0) kernels::place_axis(dy.data(), index.data(), placed.mutable_data(), outer, n, inner);
    bool agrees = true;
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t k = 0; k < n; ++k) {
        for (std::int64_t i = 0; i < inner; ++i) {
          const float d = dy.data()[o * inner + i];
          const std::int64_t at = (o * n + k) * inner + i;
          agrees = agrees && expanded.data()[at] == 0.5f * d;
          agrees = agrees && placed.data()[at] == (index.data()[o * inner + i] == k ? d : 0.f);
        }
      }
    }
    BOOST_TEST(agrees, placed.shape().to_string());
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  for (const auto& extents : std::vector<std::array<std::int64_t, 3>>{
           {1, 300007, 1}, {1, 30011, 10}, {1, 100, 5003}, {50, 2000, 1}, {50, 40, 50}}) {
    const Tensor x = random(Shape(extents));
    BOOST_TEST_CONTEXT(x.shape().to_string()) {
      test::same_bits_on_any_threads([&] { return std::vector{reduce(kernels::sum_axis, x)}; });
    }
  }
}

BOOST_AUTO_TEST_CASE(dot_products) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 33, 1000, 70001}) {
    Tensor a({n});
    Tensor b({n});
    RandomStream(1, "a").fill_normal(a.mutable_elements(), 0.f, 1.f);
    RandomStream(1, "b").fill_normal(b.mutable_elements(), 0.f, 1.f);
    double expected = 0;
    double from_origin = 0;  // sum of (a_i - b_i) a_i
    for (std::int64_t i = 0; i < n; ++i) {
      expected += static_cast<double>(a.data()[i]) * b.data()[i];
      from_origin += (static_cast<double>(a.data()[i]) - b.data()[i]) * a.data()[i];
    }
    const double tolerance = 1e-5 * std::sqrt(static_cast<double>(n));
    BOOST_TEST(std::abs(kernels::dot(a.data(), b.data(), n) - expected) <= tolerance);
    BOOST_TEST(std::abs(kernels::dot_from(b.data(), a.data(), a.data(), n) - from_origin) <= tolerance);
  }
}

BOOST_AUTO_TEST_SUITE_END()
