#include <canopy/core/kernels/gemm.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>
#include <canopy/core/kernels/gemm_dots.hpp>
#include <canopy/core/kernels/linear.hpp>
#include <canopy/core/memory.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include <omp.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;
using kernels::Destination;
using kernels::Factor;
using kernels::Op;
using kernels::transposed;
using kernels::Update;

BOOST_AUTO_TEST_SUITE(gemm)

namespace {

std::vector<float> uniform(std::int64_t size) {
  static RandomStream stream(7, "gemm test");
  std::vector<float> values(static_cast<std::size_t>(size));
  stream.fill_uniform(values, -1.f, 1.f);
  return values;
}

using Kernel = decltype(kernels::gemm);

// One product with rows longer than needed, so that leading dimensions and what lies between the rows are tested.
struct Product {
  Product(Op op_a_, Op op_b_, std::int64_t m_, std::int64_t n_, std::int64_t k_, std::int64_t padding)
      : op_a(op_a_),
        op_b(op_b_),
        m(m_),
        n(n_),
        k(k_),
        lda(std::max<std::int64_t>(1, (op_a == Op::none ? k : m) + padding)),
        ldb(std::max<std::int64_t>(1, (op_b == Op::none ? n : k) + padding)),
        ldc(std::max<std::int64_t>(1, n + padding)),
        a(uniform((op_a == Op::none ? m : k) * lda)),
        b(uniform((op_b == Op::none ? k : n) * ldb)),
        c(uniform(m * ldc)) {}

  std::vector<float> naive(bool accumulate) const {
    std::vector<float> result = c;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = accumulate ? c[i * ldc + j] : 0;
        for (std::int64_t p = 0; p < k; ++p) {
          sum += static_cast<double>(a[op_a == Op::none ? i * lda + p : p * lda + i]) *
                 b[op_b == Op::none ? p * ldb + j : j * ldb + p];
        }
        result[i * ldc + j] = static_cast<float>(sum);
      }
    }
    return result;
  }

  // Nothing of the old C may shine through without `accumulate`, not even NaN.
  std::vector<float> fast(bool accumulate, Kernel* kernel, const kernels::BlockFinish& finish = {}) const {
    std::vector<float> result = c;
    if (!accumulate) {
      for (std::int64_t i = 0; i < m; ++i) {
        std::fill_n(result.begin() + i * ldc, n, std::numeric_limits<float>::quiet_NaN());
      }
    }
    kernel(first(), second(), {result.data(), m, n, ldc}, accumulate ? Update::add : Update::overwrite, finish);
    return result;
  }

  // Those that can compute it.
  std::vector<Kernel*> fast_kernels() const {
    std::vector<Kernel*> all{kernels::gemm, packed_first};
    if (k > 0) all.push_back(kernels::gemm_direct);
    if (k > 0 && op_a == Op::none && op_b == Op::transpose) all.push_back(kernels::gemm_dots);
    return all;
  }

  static void packed_first(const Factor& a, const Factor& b, const Destination& c, Update update,
                           const kernels::BlockFinish& finish) {
    kernels::gemm_packed(a, kernels::PackedFactor(b), c, update, finish);
  }

  Factor first() const { return op_a == Op::none ? Factor{a.data(), m, k, lda} : transposed({a.data(), k, m, lda}); }
  Factor second() const { return op_b == Op::none ? Factor{b.data(), k, n, ldb} : transposed({b.data(), n, k, ldb}); }

  Op op_a, op_b;
  std::int64_t m, n, k, lda, ldb, ldc;
  std::vector<float> a, b, c;
};

// NaN counts as far away.
double distance(const std::vector<float>& x, const std::vector<float>& y) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = std::abs(static_cast<double>(x[i]) - y[i]);
    if (!(d <= worst)) worst = std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
  }
  return worst;
}

// Rounding errors of a sum of k products of numbers below 1; a missing term is a thousand times larger.
double allowed(std::int64_t k) { return 1.2e-7 * static_cast<double>(k) + 1e-6; }

constexpr Op ops[] = {Op::none, Op::transpose};

struct Sizes {
  std::int64_t m, n, k;
};

std::int64_t threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

}  // namespace

BOOST_AUTO_TEST_CASE(agrees_with_its_naive_twin) {
  const std::int64_t extents[] = {0, 1, 2, 5, 12, 13, 15, 16, 17, 31, 32, 33, 50};
  for (const Op op_a : ops) {
    for (const Op op_b : ops) {
      for (const std::int64_t m : extents) {
        for (const std::int64_t n : extents) {
          for (const std::int64_t k : {0, 1, 3, 16, 33}) {
            const Product product(op_a, op_b, m, n, k, (m + n + k) % 3);
            for (const bool accumulate : {false, true}) {
              const std::vector<float> expected = product.naive(accumulate);
              BOOST_TEST_CONTEXT("m " << m << " n " << n << " k " << k << " accumulate " << accumulate) {
                for (Kernel* kernel : product.fast_kernels()) {
                  BOOST_REQUIRE_LE(distance(product.fast(accumulate, kernel), expected), allowed(k));
                }
              }
            }
          }
        }
      }
    }
  }
}

// The layers' own shapes, panels, parts along k, strips that end within a register, blocks of k: the same bits for any
// number of threads.
BOOST_AUTO_TEST_CASE(large_products_agree_and_their_bits_do_not_depend_on_threads) {
  const Sizes sizes[] = {{256, 128, 784},  {128, 784, 256}, {256, 784, 128}, {256, 10, 128},  {10, 128, 256},
                         {130, 255, 1100}, {16, 700, 2100}, {3, 200, 1500},  {41, 333, 1000}, {1100, 257, 40},
                         {70, 2500, 50},   {1000, 1, 1031}, {100, 130, 5003}};
  for (const Sizes& s : sizes) {
    for (const Op op_a : ops) {
      for (const Op op_b : ops) {
        const Product product(op_a, op_b, s.m, s.n, s.k, 3);
        const std::vector<float> expected = product.naive(true);
        for (Kernel* kernel : product.fast_kernels()) {
          std::vector<float> one;
          for (const int count : {1, 2, 3, 7}) {
            const ThreadGuard guard(count);
            const std::vector<float> result = product.fast(true, kernel);
            if (count == 1) {
              one = result;
              BOOST_TEST_CONTEXT("m " << s.m << " n " << s.n << " k " << s.k) {
                BOOST_TEST(distance(result, expected) <= allowed(s.k));
              }
            }
            BOOST_TEST((result == one));
          }
        }
      }
    }
  }
}

// As many as threads can use, not as many as k has thousands.
BOOST_AUTO_TEST_CASE(parts_along_k_take_bounded_memory) {
  constexpr std::int64_t extent = 64, k = 1 << 16;
  const Product product(Op::transpose, Op::none, extent, extent, k, 0);
  std::vector<float> c(extent * extent);
  memory::reset_peak();
  const std::size_t before = memory::counters().live;
  kernels::gemm(product.first(), product.second(), {c.data(), extent, extent});
  BOOST_TEST(memory::counters().peak - before <= 16 * extent * extent * sizeof(float));
  BOOST_TEST(distance(c, product.naive(false)) <= allowed(k));
}

// Whether it is computed alone or among others.
BOOST_AUTO_TEST_CASE(a_row_of_dot_products_does_not_depend_on_its_neighbours) {
  const Product product(Op::none, Op::transpose, 23, 130, 1300, 1);
  const std::vector<float> together = product.fast(false, kernels::gemm_dots);
  for (std::int64_t i = 0; i < product.m; ++i) {
    std::vector<float> alone(130);
    kernels::gemm_dots({product.a.data() + i * product.lda, 1, product.k}, product.second(), {alone.data(), 1, 130});
    BOOST_TEST(std::ranges::equal(alone, std::span(together).subspan(static_cast<std::size_t>(i * product.ldc), 130)));
  }
}

BOOST_AUTO_TEST_CASE(no_terms_give_zeros_and_still_finish) {
  std::vector<float> c(6, 5.f);
  int calls = 0;
  const Factor a{nullptr, 2, 0, 1}, b{nullptr, 0, 3};
  kernels::gemm(a, b, {c.data(), 2, 3}, Update::overwrite,
                [&](auto i, auto i_end, auto j, auto j_end) { calls += i == 0 && i_end == 2 && j == 0 && j_end == 3; });
  BOOST_TEST(c == std::vector<float>(6, 0.f), boost::test_tools::per_element());
  BOOST_TEST(calls == 1);
  c.assign(6, 5.f);
  kernels::gemm(a, b, {c.data(), 2, 3}, Update::add);
  BOOST_TEST(c == std::vector<float>(6, 5.f), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(finish_sees_every_element_once_when_it_is_complete) {
  const ThreadGuard guard(2);
  const Sizes sizes[] = {{256, 127, 300}, {700, 300, 64}, {100, 900, 200}, {3, 5, 1030}, {20, 40, 600}, {64, 80, 4100}};
  for (const Sizes& s : sizes) {
    for (const Op op_a : ops) {
      for (const Op op_b : ops) {
        const Product product(op_a, op_b, s.m, s.n, s.k, 0);
        for (Kernel* kernel : product.fast_kernels()) {
          std::vector<float> result = product.c;
          // A second call for an element, or one before it is complete, would not give twice the product.
          const auto twice = [&](auto i0, auto i1, auto j0, auto j1) {
            for (auto i = i0; i < i1; ++i) {
              for (auto j = j0; j < j1; ++j) result[i * s.n + j] *= 2;
            }
          };
          kernel(product.first(), product.second(), {result.data(), s.m, s.n}, Update::overwrite, twice);
          std::vector<float> expected = product.fast(false, kernel);
          for (float& v : expected) v *= 2;
          BOOST_TEST((result == expected));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(blas_starts_no_threads_and_leaves_the_callers_setting) {
  const Product product(Op::none, Op::none, 600, 600, 600, 0);
  const ThreadGuard guard(1);
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  const std::int64_t running = threads_of_process();
  product.fast(false, kernels::gemm);
  BOOST_TEST(threads_of_process() == running);
  BOOST_TEST(omp_get_max_threads() == 3);
  omp_set_num_threads(before);
}

BOOST_AUTO_TEST_CASE(extents_beyond_blas) {
  float c = 0;
  BOOST_CHECK_THROW(kernels::gemm({&c, 1, 1, std::int64_t{1} << 31}, {&c, 1, 1}, {&c, 1, 1}), ShapeError);
}

BOOST_AUTO_TEST_CASE(factors_must_fit) {
  std::vector<float> numbers(12);
  const auto x = [&](std::int64_t rows, std::int64_t columns) { return Factor{numbers.data(), rows, columns}; };
  const Destination c{numbers.data(), 2, 2};
  BOOST_CHECK_THROW(kernels::gemm(x(2, 3), x(2, 2), c), ShapeError);
  BOOST_CHECK_THROW(kernels::gemm(x(3, 2), x(2, 2), c), ShapeError);
  BOOST_CHECK_THROW(kernels::gemm(x(2, 2), x(2, 3), c), ShapeError);
  BOOST_CHECK_THROW(kernels::gemm(x(2, 3), transposed(x(3, 2)), c), ShapeError);
  BOOST_CHECK_THROW(kernels::gemm_packed(x(2, 3), kernels::PackedFactor(x(2, 2)), c), ShapeError);
}

BOOST_AUTO_TEST_CASE(linear_agrees_with_product_bias_and_activation) {
  const Sizes sizes[] = {{1, 1, 1},    {5, 17, 33},    {256, 10, 128}, {256, 128, 784},
                         {4, 300, 50}, {600, 300, 64}, {3, 4, 0}};
  const Activation activations[] = {Activation::identity, Activation::relu, Activation::gelu,    Activation::gelu_tanh,
                                    Activation::sigmoid,  Activation::tanh, Activation::softplus};
  for (const Sizes& s : sizes) {
    const Product product(Op::none, Op::transpose, s.m, s.n, s.k, 0);
    const std::vector<float> bias = uniform(s.n);
    for (const bool with_bias : {false, true}) {
      std::vector<float> expected = product.fast(false, kernels::gemm);
      for (std::int64_t i = 0; i < s.m * s.n && with_bias; ++i) expected[i] += bias[i % s.n];
      for (const Activation activation : activations) {
        std::vector<float> activated(expected.size());
        kernels::activate(activation, expected.data(), activated.data(), s.m * s.n);
        for (const bool keep_z : {false, true}) {
          std::vector<float> y(expected.size()), z(expected.size());
          kernels::linear_forward(s.m, s.k, s.n, product.a.data(), product.b.data(), with_bias ? bias.data() : nullptr,
                                  activation, y.data(), keep_z ? z.data() : nullptr);
          BOOST_TEST((y == activated));
          if (keep_z) BOOST_TEST((z == expected));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
