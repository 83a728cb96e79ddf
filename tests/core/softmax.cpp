#include <canopy/core/kernels/softmax.hpp>

#include <cmath>
#include <limits>
#include <string>

#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/xtensor.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;

BOOST_AUTO_TEST_SUITE(softmax)

namespace {

using Doubles = xt::xarray<double>;

Tensor normal(const Shape& shape, const char* purpose, float deviation = 2.f) {
  Tensor x(shape);
  RandomStream(3, purpose).fill_normal(x.mutable_elements(), 0.f, deviation);
  return x;
}

Doubles exact(const Tensor& x) { return xt::cast<double>(view(x)); }

Doubles row_sums(const Doubles& x) { return xt::sum(x, {1}, xt::keep_dims); }

// log soft-max as written in a book, in double.
Doubles naive_log_softmax(const Doubles& x) {
  const Doubles exponentials = xt::exp(x);
  return x - xt::log(row_sums(exponentials));
}

double difference(const Tensor& a, const Doubles& b) {
  double worst = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(a.data()[i] - b.data()[i]) / std::max(std::abs(b.data()[i]), 1.0);
    worst = std::max(worst, std::isnan(error) ? std::numeric_limits<double>::infinity() : error);
  }
  return worst;
}

using Rows = void (*)(const float*, float*, std::int64_t, std::int64_t);
using RowsBackward = void (*)(const float*, const float*, float*, std::int64_t, std::int64_t);

Tensor run(Rows kernel, const Tensor& x) {
  Tensor y(x.shape());
  kernel(x.data(), y.mutable_data(), x.extent(0), x.extent(1));
  return y;
}

Tensor run(RowsBackward kernel, const Tensor& y, const Tensor& dy) {
  Tensor dx(y.shape());
  kernel(y.data(), dy.data(), dx.mutable_data(), y.extent(0), y.extent(1));
  return dx;
}

const Shape shapes[] = {{0, 3},  {3, 1},  {1, 2},    {5, 10},   {4, 15},   {4, 16},
                        {4, 17}, {3, 33}, {257, 10}, {3, 1000}, {2, 30011}};

// Labels 0, 1, ... with every fourth row ignored.
Indices some_labels(std::int64_t rows, std::int64_t classes, std::int32_t ignored) {
  Indices labels({rows});
  std::int32_t next = 0;
  for (std::int32_t& label : labels.mutable_elements()) {
    label = next % 4 == 3 ? ignored : (next * 7) % static_cast<std::int32_t>(classes);
    ++next;
  }
  return labels;
}

}  // namespace

BOOST_AUTO_TEST_CASE(forward_and_backward_follow_the_formulas) {
  for (const Shape& shape : shapes) {
    const Tensor x = normal(shape, "x");
    const Tensor dy = normal(shape, "dy");
    const Doubles log_y = naive_log_softmax(exact(x));
    const Doubles y = xt::exp(log_y);
    const Doubles y_dy = y * exact(dy);
    const Tensor probabilities = run(kernels::softmax, x);
    const Tensor logs = run(kernels::log_softmax, x);
    BOOST_TEST(difference(probabilities, y) < 1e-6, shape.to_string());
    BOOST_TEST(difference(logs, log_y) < 1e-6, shape.to_string());
    const Doubles dx = y * (exact(dy) - row_sums(y_dy));
    const Doubles dx_log = exact(dy) - y * row_sums(exact(dy));
    BOOST_TEST(difference(run(kernels::softmax_backward, probabilities, dy), dx) < 2e-6, shape.to_string());
    BOOST_TEST(difference(run(kernels::log_softmax_backward, logs, dy), dx_log) < 5e-6, shape.to_string());
  }
}

BOOST_AUTO_TEST_CASE(no_rows_or_no_columns) {
  for (const Shape& shape : {Shape{0, 3}, Shape{3, 0}}) {
    BOOST_TEST(run(kernels::softmax, Tensor(shape)).empty());
    BOOST_TEST(run(kernels::log_softmax, Tensor(shape)).empty());
    BOOST_TEST(run(kernels::softmax_backward, Tensor(shape), Tensor(shape)).empty());
  }
}

BOOST_AUTO_TEST_CASE(large_logits_do_not_overflow_and_masked_ones_vanish) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const Tensor x({2, 3}, {1000.f, 1000.f, -infinity, -1000.f, -1001.f, -1002.f});
  const Tensor y = run(kernels::softmax, x);
  BOOST_TEST(y.data()[0] == 0.5f);
  BOOST_TEST(y.data()[2] == 0.f);
  BOOST_TEST(y.data()[3] == 0.66524096f, boost::test_tools::tolerance(1e-6f));
  const Tensor logs = run(kernels::log_softmax, x);
  BOOST_TEST(logs.data()[0] == -std::log(2.f), boost::test_tools::tolerance(1e-6f));
  BOOST_TEST(logs.data()[2] == -infinity);
  const Tensor poisoned({1, 3}, {1.f, std::nanf(""), 2.f});
  const Tensor probabilities = run(kernels::softmax, poisoned);
  for (const float v : probabilities.elements()) BOOST_TEST(std::isnan(v));
}

// A row of which nothing is left: probabilities 0, not NaN, at any width; a NaN among them is seen all the same.
BOOST_AUTO_TEST_CASE(rows_masked_throughout) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const std::int64_t n : {1, 7, 8, 15, 16, 17, 33, 65}) {
    Tensor x({3, n}, -infinity);
    for (std::int64_t i = 0; i < n; ++i) x.mutable_data()[n + i] = static_cast<float>(i % 5);
    x.mutable_data()[3 * n - 1] = std::nanf("");
    const Tensor y = run(kernels::softmax, x), logs = run(kernels::log_softmax, x);
    const Tensor dy(x.shape(), 1.5f);
    const Tensor dx = run(kernels::softmax_backward, y, dy);
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      BOOST_TEST(y.data()[i] == 0.f);
      BOOST_TEST(dx.data()[i] == 0.f);
      BOOST_TEST(logs.data()[i] == -infinity);
      sum += y.data()[n + i];
      BOOST_TEST(std::isnan(y.data()[2 * n + i]));
      BOOST_TEST(std::isnan(logs.data()[2 * n + i]));
    }
    BOOST_TEST(sum == 1., boost::test_tools::tolerance(1e-6));
    Tensor statistics({3, 2}), losses({3}), slopes(x.shape());
    const Indices labels({3}, 0);
    kernels::cross_entropy(x.data(), labels.data(), 3, n, {}, statistics.mutable_data(), losses.mutable_data());
    kernels::cross_entropy_backward(x.data(), labels.data(), statistics.data(), Tensor({3}, 1.f).data(), 3, n, {},
                                    slopes.mutable_data());
    BOOST_TEST(losses.data()[0] == infinity);
    BOOST_TEST(std::isfinite(losses.data()[1]));
    BOOST_TEST(std::isnan(losses.data()[2]));
    for (std::int64_t i = 0; i < n; ++i) BOOST_TEST(slopes.data()[i] == (i == 0 ? -1.f : 0.f));
  }
}

BOOST_AUTO_TEST_CASE(cross_entropy_follows_its_definition) {
  for (const Shape& shape : shapes) {
    const std::int64_t rows = shape[0], classes = shape[1];
    for (const float smoothing : {0.f, 0.1f, 1.f}) {
      for (const std::int32_t ignored : {-100, 0}) {
        const Tensor x = normal(shape, "x");
        const Indices labels = some_labels(rows, classes, ignored);
        const Doubles logs = naive_log_softmax(exact(x));
        Doubles target = xt::zeros<double>({static_cast<std::size_t>(rows), static_cast<std::size_t>(classes)});
        Doubles counts = xt::zeros<double>({static_cast<std::size_t>(rows), std::size_t{1}});
        for (std::int64_t r = 0; r < rows; ++r) {
          if (labels.data()[r] == ignored) continue;
          counts(r, 0) = 1;
          for (std::int64_t c = 0; c < classes; ++c) {
            target(r, c) = (labels.data()[r] == c ? 1.0 - smoothing : 0.0) + smoothing / static_cast<double>(classes);
          }
        }
        const double counted = xt::sum(counts)();
        if (counted == 0) continue;  // a case of its own below
        const double expected = -xt::sum(target * logs)() / counted;
        const kernels::CrossEntropyOptions options{smoothing, ignored};
        Tensor statistics({rows, 2}), losses({rows});
        const auto result = kernels::cross_entropy(x.data(), labels.data(), rows, classes, options,
                                                   statistics.mutable_data(), losses.mutable_data());
        BOOST_TEST(static_cast<double>(result.counted) == counted);
        BOOST_TEST(std::abs(result.sum / counted - expected) < 2e-6 * std::max(1.0, expected),
                   shape.to_string() << ": " << result.sum / counted << " for " << expected);
        const Doubles expected_losses = -xt::sum(target * logs, {1});
        double worst = 0;
        for (std::int64_t r = 0; r < rows; ++r) {
          worst = std::max(worst, std::abs(losses.data()[r] - expected_losses(r)) / std::max(1.0, expected_losses(r)));
        }
        BOOST_TEST(worst < 2e-6, shape.to_string());
        Tensor dx(shape), dy({rows});
        for (std::int64_t r = 0; r < rows; ++r) dy.mutable_data()[r] = 0.5f + 0.001f * static_cast<float>(r);
        kernels::cross_entropy_backward(x.data(), labels.data(), statistics.data(), dy.data(), rows, classes, options,
                                        dx.mutable_data());
        const Doubles expected_dx = exact(dy.reshape({rows, 1})) * counts * (xt::exp(logs) - target);
        BOOST_TEST(difference(dx, expected_dx) < 1e-6, shape.to_string());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(no_label_counts) {
  const Tensor x = normal({2, 3}, "x");
  const Indices labels({2}, {-100, -100});
  Tensor statistics({2, 2}), losses({2}, 7.f), dx({2, 3}, 7.f);
  const Tensor dy({2}, 1.f);
  const auto result =
      kernels::cross_entropy(x.data(), labels.data(), 2, 3, {}, statistics.mutable_data(), losses.mutable_data());
  BOOST_TEST(result.sum == 0);
  for (const float v : losses.elements()) BOOST_TEST(v == 0.f);
  BOOST_TEST(result.counted == 0);
  kernels::cross_entropy_backward(x.data(), labels.data(), statistics.data(), dy.data(), 2, 3, {}, dx.mutable_data());
  for (const float v : dx.elements()) BOOST_TEST(v == 0.f);
  BOOST_TEST(kernels::cross_entropy(nullptr, nullptr, 0, 3, {}, nullptr, nullptr).sum == 0);
}

BOOST_AUTO_TEST_CASE(a_label_out_of_range_is_named) {
  const Tensor x = normal({3, 10}, "x");
  Tensor statistics({3, 2});
  for (const std::int32_t wrong : {10, -1}) {
    const Indices labels({3}, {1, wrong, 2});
    BOOST_CHECK_EXCEPTION(
        kernels::cross_entropy(x.data(), labels.data(), 3, 10, {}, statistics.mutable_data(), nullptr), DataError,
        [&](const DataError& error) {
          const std::string text = error.what();
          return text.find("row 1 is " + std::to_string(wrong)) != std::string::npos &&
                 text.find("10 classes") != std::string::npos;
        });
  }
}

BOOST_AUTO_TEST_CASE(the_same_bits_for_any_number_of_threads) {
  const Tensor x = normal({3000, 37}, "x");
  const Indices labels = some_labels(3000, 37, -100);
  Tensor statistics({3000, 2}), losses({3000});
  test::same_bits_on_any_threads([&] {
    const double sum = kernels::cross_entropy(x.data(), labels.data(), 3000, 37, {.label_smoothing = 0.1f},
                                              statistics.mutable_data(), losses.mutable_data())
                           .sum;
    return std::vector{run(kernels::softmax, x), Tensor::scalar(static_cast<float>(sum)), losses.clone()};
  });
}

BOOST_AUTO_TEST_SUITE_END()
