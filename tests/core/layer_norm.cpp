#include <canopy/core/kernels/layer_norm.hpp>

#include <cmath>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/random.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(layer_norm)

namespace {

constexpr float eps = 1e-5f;

struct Case {
  std::int64_t rows, width;
  Tensor x{Shape{rows, width}}, dy{Shape{rows, width}}, weight{Shape{width}}, bias{Shape{width}};

  Case(std::int64_t m, std::int64_t n) : rows(m), width(n) {
    RandomStream stream(m * 1000 + n, "layer_norm");
    // A mean far from 0 would show a variance computed by cancellation.
    stream.fill_normal(x.mutable_elements(), 30.f, 2.f);
    stream.fill_normal(dy.mutable_elements(), 0.f, 1.f);
    stream.fill_normal(weight.mutable_elements(), 1.f, 0.5f);
    stream.fill_normal(bias.mutable_elements(), 0.f, 1.f);
  }
};

struct Results {
  Tensor y, mean, inverse_deviation, dx, dweight, dbias;

  explicit Results(const Case& c)
      : y(c.x.shape()),
        mean({c.rows}),
        inverse_deviation({c.rows}),
        dx(c.x.shape()),
        dweight({c.width}),
        dbias({c.width}) {
    kernels::layer_norm(c.x.data(), c.weight.data(), c.bias.data(), eps, c.rows, c.width, y.mutable_data(),
                        mean.mutable_data(), inverse_deviation.mutable_data());
    kernels::layer_norm_backward(c.x.data(), c.weight.data(), mean.data(), inverse_deviation.data(), c.dy.data(),
                                 c.rows, c.width, dx.mutable_data(), dweight.mutable_data(), dbias.mutable_data());
  }
};

// The largest |a - b|, relative to the largest |b|.
double difference(const Tensor& a, const std::vector<double>& b) {
  double largest = 1e-30, worst = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    largest = std::max(largest, std::abs(b[i]));
    const double d = std::abs(a.data()[i] - b[i]);
    if (!(d <= worst)) worst = d;  // also where NaN
  }
  return worst / largest;
}

}  // namespace

BOOST_AUTO_TEST_CASE(agrees_with_the_formula_in_double) {
  for (const std::int64_t rows : {1, 31, 32, 33, 100}) {
    for (const std::int64_t width : {1, 2, 15, 16, 17, 33, 768, 1001}) {
      const Case c(rows, width);
      const Results r(c);
      const auto size = static_cast<std::size_t>(rows * width);
      std::vector<double> y(size), dx(size), dweight(c.width), dbias(c.width);
      for (std::int64_t i = 0; i < rows; ++i) {
        const float* x = c.x.data() + i * width;
        const float* dy = c.dy.data() + i * width;
        double mean = 0, variance = 0, mean_g = 0, mean_gz = 0;
        for (std::int64_t j = 0; j < width; ++j) mean += x[j] / static_cast<double>(width);
        for (std::int64_t j = 0; j < width; ++j) variance += (x[j] - mean) * (x[j] - mean) / static_cast<double>(width);
        const double s = 1 / std::sqrt(variance + eps);
        for (std::int64_t j = 0; j < width; ++j) {
          const double z = (x[j] - mean) * s, g = static_cast<double>(dy[j]) * c.weight.data()[j];
          y[i * width + j] = z * c.weight.data()[j] + c.bias.data()[j];
          dweight[j] += dy[j] * z;
          dbias[j] += dy[j];
          mean_g += g / static_cast<double>(width);
          mean_gz += g * z / static_cast<double>(width);
        }
        for (std::int64_t j = 0; j < width; ++j) {
          const double z = (x[j] - mean) * s, g = static_cast<double>(dy[j]) * c.weight.data()[j];
          dx[i * width + j] = s * (g - mean_g - z * mean_gz);
        }
      }
      // A row of one element has no deviation: its z and dx are rounding times 1 / sqrt(eps).
      const double tolerance = width == 1 ? 2e-2 : 2e-4;
      BOOST_TEST_CONTEXT("rows " << rows << " width " << width) {
        BOOST_TEST(difference(r.y, y) < tolerance);
        if (width > 2) BOOST_TEST(difference(r.dx, dx) < tolerance);
        BOOST_TEST(difference(r.dbias, dbias) < tolerance);
        if (width > 1) BOOST_TEST(difference(r.dweight, dweight) < tolerance);
      }
    }
  }
}

// Rows of every size that a float has, whose sums and squares are no floats: z does not depend on the size, dx is its
// inverse.
BOOST_AUTO_TEST_CASE(rows_near_the_ends_of_the_range) {
  for (const std::int64_t width : {2, 8, 17, 65}) {
    const Case base(3, width);
    for (const float size : {1e-36f, 1e-30f, 1e-20f, 1e-10f, 1.f, 1e10f, 1e18f, 1e20f, 1e30f, 1e36f}) {
      const float tiny_eps = 0.f;
      Tensor x = base.x.clone();
      for (float& v : x.mutable_elements()) v = (v - 30.f) * size;
      Tensor y(x.shape()), mean({3}), inverse({3}), dx(x.shape()), dweight({width}), dbias({width});
      kernels::layer_norm(x.data(), base.weight.data(), base.bias.data(), tiny_eps, 3, width, y.mutable_data(),
                          mean.mutable_data(), inverse.mutable_data());
      kernels::layer_norm_backward(x.data(), base.weight.data(), mean.data(), inverse.data(), base.dy.data(), 3, width,
                                   dx.mutable_data(), dweight.mutable_data(), dbias.mutable_data());
      std::vector<double> expected_y, expected_dx, expected_dweight(static_cast<std::size_t>(width));
      for (std::int64_t r = 0; r < 3; ++r) {
        const auto n = static_cast<double>(width);
        const float *row = x.data() + r * width, *dy = base.dy.data() + r * width;
        double m = 0, variance = 0, mean_g = 0, mean_gz = 0;
        for (std::int64_t j = 0; j < width; ++j) m += row[j] / n;
        for (std::int64_t j = 0; j < width; ++j) variance += (row[j] - m) * (row[j] - m) / n;
        const auto z = [&](std::int64_t j) { return (row[j] - m) / std::sqrt(variance); };
        const auto g = [&](std::int64_t j) { return static_cast<double>(dy[j]) * base.weight.data()[j]; };
        for (std::int64_t j = 0; j < width; ++j) {
          expected_y.push_back(z(j) * base.weight.data()[j] + base.bias.data()[j]);
          expected_dweight[static_cast<std::size_t>(j)] += dy[j] * z(j);
          mean_g += g(j) / n;
          mean_gz += g(j) * z(j) / n;
        }
        // In units of 1 / size, since the gradients of large rows are tiny.
        for (std::int64_t j = 0; j < width; ++j) {
          expected_dx.push_back((g(j) - mean_g - z(j) * mean_gz) / std::sqrt(variance) * size);
        }
      }
      BOOST_TEST_CONTEXT("width " << width << " size " << size) {
        BOOST_TEST(difference(y, expected_y) < 1e-5);
        BOOST_TEST(difference(dweight, expected_dweight) < 1e-5);
        Tensor scaled = dx.clone();
        for (float& v : scaled.mutable_elements()) v *= size;
        // Of rows of 1e36 some gradients are subnormal, and flushed to 0.
        if (width > 2) BOOST_TEST(difference(scaled, expected_dx) < (size < 1e36f ? 1e-4 : 2e-2));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_number_of_threads_gives_the_same_bits) {
  const Case c(1111, 101);
  test::same_bits_on_any_threads([&] {
    const Results r(c);
    return std::vector{r.y, r.mean, r.inverse_deviation, r.dx, r.dweight, r.dbias};
  });
}

BOOST_AUTO_TEST_CASE(outputs_that_nobody_wants_are_skipped) {
  const Case c(40, 17);
  const Results all(c);
  Tensor dbias({c.width}, -7.f);
  kernels::layer_norm_backward(c.x.data(), c.weight.data(), all.mean.data(), all.inverse_deviation.data(), c.dy.data(),
                               c.rows, c.width, nullptr, nullptr, dbias.mutable_data());
  BOOST_TEST(std::equal(dbias.elements().begin(), dbias.elements().end(), all.dbias.elements().begin()));
  Tensor dx(c.x.shape(), -7.f);
  kernels::layer_norm_backward(c.x.data(), c.weight.data(), all.mean.data(), all.inverse_deviation.data(), c.dy.data(),
                               c.rows, c.width, dx.mutable_data(), nullptr, nullptr);
  BOOST_TEST(std::equal(dx.elements().begin(), dx.elements().end(), all.dx.elements().begin()));
}

BOOST_AUTO_TEST_CASE(no_rows_have_no_gradient) {
  const Results none(Case(0, 5));
  for (const float v : none.dweight.elements()) BOOST_TEST(v == 0.f);
  for (const float v : none.dbias.elements()) BOOST_TEST(v == 0.f);
}

BOOST_AUTO_TEST_SUITE_END()
