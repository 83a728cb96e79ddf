#include <canopy/core/kernels/grouped_gemm.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <canopy/core/kernels/combine.hpp>
#include <canopy/core/random.hpp>
#include <canopy/core/threads.hpp>

#include "support/reference.hpp"
#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using kernels::Op;
using test::check_close;
using test::same_bits_on_any_threads;

namespace {

Tensor random(const Shape& shape, std::string_view purpose) {
  Tensor result(shape);
  RandomStream(static_cast<std::uint64_t>(shape.size()), purpose).fill_normal(result.mutable_elements(), 0.f, 1.f);
  return result;
}

struct Case {
  std::int64_t items, groups, n, k;
  bool skewed;  // nine of ten items in the last group
  Indices group() const {
    Indices result({items});
    RandomStream stream(static_cast<std::uint64_t>(items), "group");
    for (std::int32_t& g : result.mutable_elements()) {
      const auto any = static_cast<std::int32_t>(stream() % static_cast<std::uint64_t>(groups));
      g = skewed && stream() % 10 != 0 ? static_cast<std::int32_t>(groups - 1) : any;
    }
    return result;
  }
  std::string name() const {
    return std::to_string(items) + " items, " + std::to_string(groups) + " groups, n " + std::to_string(n) + ", k " +
           std::to_string(k);
  }
};
const Case cases[] = {{0, 3, 4, 5, false},       {1, 1000, 37, 100, false}, {7, 2, 1, 1, false},
                      {100, 1, 33, 17, false},   {300, 5, 32, 48, false},   {500, 40, 31, 7, false},
                      {1000, 7, 100, 32, true},  {600, 9, 32, 130, true},   {40, 3, 5, 0, false},
                      {150, 60, 250, 19, false}, {261, 2, 400, 32, true}};

}  // namespace

BOOST_AUTO_TEST_SUITE(grouped_gemm)

BOOST_AUTO_TEST_CASE(agrees_with_a_product_a_row) {
  for (const Case& c : cases) {
    const Indices group = c.group();
    const kernels::Grouping sorted = kernels::group_items(group.data(), c.items, c.groups);
    for (const Op op : {Op::none, Op::transpose}) {
      const Tensor a = random({c.items, c.k}, "a");
      const Tensor w = random({c.groups, c.n, c.k}, "w");
      Tensor twin = Tensor::zeros({c.items, c.n});
      for (std::int64_t i = 0; i < c.items; ++i) {
        const float* matrix = w.data() + group.data()[i] * c.n * c.k;
        for (std::int64_t j = 0; j < c.n; ++j) {
          double sum = 0;
          for (std::int64_t p = 0; p < c.k; ++p) {
            sum += double{a.data()[i * c.k + p]} * matrix[op == Op::transpose ? j * c.k + p : p * c.n + j];
          }
          twin.mutable_data()[i * c.n + j] = static_cast<float>(sum);
        }
      }
      const std::int32_t* order = sorted.order.data();
      const Tensor y = same_bits_on_any_threads([&] {
        Tensor result({c.items, c.n}, NAN);
        kernels::grouped_gemm(sorted, op, c.n, c.k, {a.data(), c.k, order}, w.data(),
                              {result.mutable_data(), c.n, order});
        return std::vector{result};
      })[0];
      check_close(y, twin, 1e-5, c.name());
      // The same rows, gathered before and after.
      Tensor gathered({c.items, c.k}), grouped({c.items, c.n}, NAN);
      for (std::int64_t p = 0; p < c.items; ++p) {
        std::copy_n(a.data() + sorted.order.data()[p] * c.k, c.k, gathered.mutable_data() + p * c.k);
      }
      kernels::grouped_gemm(sorted, op, c.n, c.k, {gathered.data(), c.k}, w.data(), {grouped.mutable_data(), c.n});
      for (std::int64_t i = 0; i < c.items; ++i) {
        const float* row = grouped.data() + sorted.position.data()[i] * c.n;
        BOOST_REQUIRE(std::equal(row, row + c.n, y.data() + i * c.n));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_row_alone_has_the_same_bits) {
  for (const std::int64_t n : {20, 192, 250, 770}) {
    for (const Op op : {Op::none, Op::transpose}) {
      const std::int64_t rows = 9, k = 33;
      const Tensor a = random({rows, k}, "a"), w = random({1, n, k}, "w");
      for (std::int64_t beside = 1; beside <= rows; ++beside) {
        Tensor y({beside, n}, NAN), alone({n}, NAN);
        const auto product = [&](std::int64_t count, std::int64_t first, Tensor& c) {
          const Indices group({count}, 0);
          kernels::grouped_gemm(kernels::group_items(group.data(), count, 1), op, n, k, {a.data() + first * k, k},
                                w.data(), {c.mutable_data(), n});
        };
        product(beside, 0, y);
        for (std::int64_t r = 0; r < beside; ++r) {
          product(1, r, alone);
          BOOST_REQUIRE(std::equal(alone.data(), alone.data() + n, y.data() + r * n));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_of_the_matrices_are_sums_of_outer_products) {
  for (const Case& c : cases) {
    const Indices group = c.group();
    const kernels::Grouping sorted = kernels::group_items(group.data(), c.items, c.groups);
    const Tensor a = random({c.items, c.k}, "a");
    const Tensor b = random({c.items, c.n}, "b");
    const std::int64_t used = sorted.used.size();
    Tensor twin = Tensor::zeros({used, c.k, c.n}), twin_sums = Tensor::zeros({used, c.n});
    for (std::int64_t u = 0; u < used; ++u) {
      for (std::int64_t i = 0; i < c.items; ++i) {
        if (group.data()[i] != sorted.used.data()[u]) continue;
        for (std::int64_t j = 0; j < c.n; ++j) {
          for (std::int64_t p = 0; p < c.k; ++p) {
            twin.mutable_data()[(u * c.k + p) * c.n + j] += a.data()[i * c.k + p] * b.data()[i * c.n + j];
          }
          twin_sums.mutable_data()[u * c.n + j] += b.data()[i * c.n + j];
        }
      }
    }
    const std::int32_t* order = sorted.order.data();
    const std::vector<Tensor> found = same_bits_on_any_threads([&] {
      Tensor weights({used, c.k, c.n}, NAN), sums({used, c.n}, NAN);
      kernels::grouped_gemm_gradient(sorted, c.k, c.n, {a.data(), c.k, order}, {b.data(), c.n, order},
                                     weights.mutable_data(), sums.mutable_data());
      return std::vector{weights, sums};
    });
    check_close(found[0], twin, 1e-5, c.name());
    check_close(found[1], twin_sums, 1e-5, c.name() + " sums");
  }
}

BOOST_AUTO_TEST_CASE(every_panel_is_finished_once) {
  for (const Case& c : cases) {
    const Indices group = c.group();
    const kernels::Grouping sorted = kernels::group_items(group.data(), c.items, c.groups);
    const Tensor a = random({c.items, c.k}, "a"), w = random({c.groups, c.n, c.k}, "w");
    Tensor y({c.items, c.n});
    std::vector<int> finished(static_cast<std::size_t>(c.items));
    const ThreadGuard guard(2);
    kernels::grouped_gemm(sorted, Op::none, c.n, c.k, {a.data(), c.k}, w.data(), {y.mutable_data(), c.n},
                          [&](std::int64_t g, std::int64_t begin, std::int64_t end) {
                            for (std::int64_t p = begin; p < end; ++p) {
                              finished[static_cast<std::size_t>(p)] +=
                                  group.data()[sorted.order.data()[p]] == g ? 1 : 2;
                            }
                          });
    BOOST_TEST(std::ranges::count(finished, 1) == c.items, c.name());
  }
}

BOOST_AUTO_TEST_CASE(combining_and_its_gradients_are_loops_over_choices) {
  const std::int64_t rows = 600, k = 3, width = 70;
  const Tensor grouped = random({rows * k, width}, "grouped"), gates = random({rows, k}, "gates");
  const Tensor dy = random({rows, width}, "dy");
  Indices group({rows * k});
  RandomStream stream(0, "group");
  for (std::int32_t& g : group.mutable_elements()) g = static_cast<std::int32_t>(stream() % 11);
  const Indices position = kernels::group_items(group.data(), rows * k, 11).position;
  Tensor y = Tensor::zeros({rows, width}), d_grouped({rows * k, width}), d_gates = Tensor::zeros({rows, k});
  for (std::int64_t i = 0; i < rows * k; ++i) {
    for (std::int64_t c = 0; c < width; ++c) {
      const std::int64_t at = position.data()[i] * width + c, row = i / k * width + c;
      y.mutable_data()[row] += gates.data()[i] * grouped.data()[at];
      d_grouped.mutable_data()[at] = gates.data()[i] * dy.data()[row];
      d_gates.mutable_data()[i] += grouped.data()[at] * dy.data()[row];
    }
  }
  const std::vector<Tensor> found = same_bits_on_any_threads([&] {
    Tensor combined({rows, width}), of_grouped({rows * k, width}), of_gates({rows, k});
    kernels::combine(grouped.data(), position.data(), gates.data(), rows, k, width, combined.mutable_data());
    kernels::combine_backward(grouped.data(), position.data(), gates.data(), dy.data(), rows, k, width,
                              of_grouped.mutable_data(), of_gates.mutable_data());
    return std::vector{combined, of_grouped, of_gates};
  });
  check_close(found[0], y, 1e-6, "y");
  check_close(found[1], d_grouped, 0, "d_grouped");
  check_close(found[2], d_gates, 1e-6, "d_gates");
}

BOOST_AUTO_TEST_SUITE_END()
