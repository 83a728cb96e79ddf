#include <canopy/core/kernels/elementwise.hpp>

#include <cmath>
#include <limits>

#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(elementwise)

namespace {

Tensor uniform(const Shape& shape, const char* purpose, float low = -3.f, float high = 3.f) {
  Tensor x(shape);
  RandomStream(5, purpose).fill_uniform(x.mutable_elements(), low, high);
  return x;
}

// The largest |a - b| / max(|b|, 1); infinite where the shapes differ.
float difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<float>::infinity();
  float worst = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const float error = std::abs(a.data()[i] - b.data()[i]) / std::max(std::abs(b.data()[i]), 1.f);
    worst = std::max(worst, std::isnan(error) ? std::numeric_limits<float>::infinity() : error);
  }
  return worst;
}

template <class Kernel>
Tensor run(Kernel kernel, const Tensor& a) {
  Tensor out(a.shape());
  kernel(a.data(), out.mutable_data(), a.size());
  return out;
}

template <class Kernel>
Tensor run(Kernel kernel, const Tensor& a, const Tensor& b) {
  Tensor out(a.shape());
  kernel(a.data(), b.data(), out.mutable_data(), a.size());
  return out;
}

template <class Kernel>
Tensor run_rows(Kernel kernel, const Tensor& a, const Tensor& row) {
  Tensor out(a.shape());
  kernel(a.data(), row.data(), out.mutable_data(), a.extent(0), a.extent(1));
  return out;
}

constexpr std::int64_t sizes[] = {0, 1, 2, 15, 16, 17, 33, 1000, 65539};

}  // namespace

BOOST_AUTO_TEST_CASE(two_arrays) {
  for (const std::int64_t n : sizes) {
    const Tensor a = uniform({n}, "a");
    const Tensor b = uniform({n}, "b", 0.5f, 2.f);
    BOOST_TEST(difference(run(kernels::add, a, b), evaluate(view(a) + view(b))) == 0.f);
    BOOST_TEST(difference(run(kernels::subtract, a, b), evaluate(view(a) - view(b))) == 0.f);
    BOOST_TEST(difference(run(kernels::multiply, a, b), evaluate(view(a) * view(b))) == 0.f);
    BOOST_TEST(difference(run(kernels::divide, a, b), evaluate(view(a) / view(b))) < 1e-6f);
    Tensor sum = a.clone();
    kernels::add_to(sum.mutable_data(), b.data(), n);
    BOOST_TEST(difference(sum, evaluate(view(a) + view(b))) == 0.f);
  }
}

BOOST_AUTO_TEST_CASE(one_array) {
  for (const std::int64_t n : sizes) {
    const Tensor a = uniform({n}, "a");
    const Tensor positive = uniform({n}, "positive", 0.01f, 9.f);
    BOOST_TEST(difference(run(kernels::negate, a), evaluate(-view(a))) == 0.f);
    BOOST_TEST(difference(run(kernels::square, a), evaluate(view(a) * view(a))) == 0.f);
    BOOST_TEST(difference(run(kernels::abs, a), evaluate(xt::abs(view(a)))) == 0.f);
    BOOST_TEST(difference(run(kernels::exp, a), evaluate(xt::exp(view(a)))) < 1e-6f);
    BOOST_TEST(difference(run(kernels::log, positive), evaluate(xt::log(view(positive)))) < 1e-6f);
    BOOST_TEST(difference(run(kernels::expm1, a), evaluate(xt::expm1(view(a)))) < 1e-6f);
    BOOST_TEST(difference(run(kernels::log1p, positive), evaluate(xt::log1p(view(positive)))) < 1e-6f);
    BOOST_TEST(difference(run(kernels::sqrt, positive), evaluate(xt::sqrt(view(positive)))) < 1e-6f);
    Tensor out(a.shape());
    kernels::scale(a.data(), 2.5f, out.mutable_data(), n);
    BOOST_TEST(difference(out, evaluate(2.5f * view(a))) == 0.f);
    kernels::add_scalar(a.data(), 2.5f, out.mutable_data(), n);
    BOOST_TEST(difference(out, evaluate(view(a) + 2.5f)) == 0.f);
  }
}

BOOST_AUTO_TEST_CASE(a_row_or_a_column_against_a_matrix) {
  for (const std::int64_t rows : {0, 1, 3, 16, 17, 257}) {
    for (const std::int64_t n : {0, 1, 2, 10, 15, 16, 17, 128, 1000}) {
      const Tensor a = uniform({rows, n}, "a");
      const Tensor row = uniform({n}, "row", 0.5f, 2.f);
      const Tensor column = uniform({rows, 1}, "column");
      BOOST_TEST(difference(run_rows(kernels::add_row, a, row), evaluate(view(a) + view(row))) == 0.f);
      BOOST_TEST(difference(run_rows(kernels::subtract_row, a, row), evaluate(view(a) - view(row))) == 0.f);
      BOOST_TEST(difference(run_rows(kernels::multiply_row, a, row), evaluate(view(a) * view(row))) == 0.f);
      BOOST_TEST(difference(run_rows(kernels::divide_row, a, row), evaluate(view(a) / view(row))) < 1e-6f);
      BOOST_TEST(difference(run_rows(kernels::multiply_column, a, column), evaluate(view(a) * view(column))) == 0.f);
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_written_past_the_end) {
  for (const std::int64_t n : {1, 7, 15, 17}) {
    const Tensor a = uniform({3, n}, "a");
    const Tensor row = uniform({n}, "row");
    Tensor out({3 * n + 32}, 77.f);
    kernels::add_row(a.data(), row.data(), out.mutable_data(), 3, n);
    kernels::exp(a.data(), out.mutable_data(), 3 * n);
    for (std::int64_t i = 3 * n; i < out.size(); ++i) BOOST_TEST(out.data()[i] == 77.f);
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const Tensor a = uniform({300, 333}, "a");
  const Tensor row = uniform({333}, "row");
  test::same_bits_on_any_threads([&] { return std::vector{run(kernels::exp, a), run_rows(kernels::add_row, a, row)}; });
}

BOOST_AUTO_TEST_SUITE_END()
