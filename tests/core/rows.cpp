#include <canopy/core/kernels/rows.hpp>

#include <numeric>
#include <vector>

#include <canopy/core/array.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/random.hpp>

#include "support/same_bits.hpp"

#include <boost/test/unit_test.hpp>

using namespace canopy;
using namespace canopy::test;

BOOST_AUTO_TEST_SUITE(rows)

namespace {

Tensor random(const Shape& shape) {
  Tensor result(shape);
  RandomStream(shape.size(), "rows").fill_normal(result.mutable_elements(), 0.f, 1.f);
  return result;
}

Indices random_indices(std::int64_t n, std::int64_t extent) {
  Indices result({n});
  RandomStream stream(n, "indices");
  for (std::int32_t& i : result.mutable_elements()) i = static_cast<std::int32_t>(stream() % extent);
  return result;
}

struct Size {
  std::int64_t rows, width, n;
};
// Widths on both sides of the change of strategy, and enough of everything for several threads.
const Size sizes[] = {{1, 1, 1},        {3, 0, 5},       {3, 5, 0},       {5, 15, 17},     {4, 16, 33},   {7, 33, 1000},
                      {1000, 1, 40000}, {100, 63, 3000}, {100, 64, 3000}, {11, 300, 1000}, {2, 1001, 333}};

}  // namespace

BOOST_AUTO_TEST_CASE(gathering_is_a_loop_over_rows) {
  for (const auto& [rows, width, n] : sizes) {
    const Tensor table = random({rows, width});
    const Indices indices = random_indices(n, rows);
    Tensor expected({n, width});
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < width; ++j) {
        expected.mutable_data()[i * width + j] = table.data()[indices.data()[i] * width + j];
      }
    }
    const Tensor gathered = same_bits_on_any_threads([&, width = width, n = n] {
      Tensor out({n, width}, -1.f);
      kernels::gather_rows(table.data(), width, indices.data(), n, out.mutable_data());
      return std::vector{out};
    })[0];
    BOOST_TEST(same_bits(gathered, expected), "rows " << rows << " width " << width << " n " << n);
  }
}

BOOST_AUTO_TEST_CASE(scattering_adds_in_the_order_of_the_indices_on_any_number_of_threads) {
  for (const auto& [rows, width, n] : sizes) {
    const Tensor in = random({n, width});
    const Indices indices = random_indices(n, rows);
    Tensor expected({rows, width}, 0.5f);
    float* sums = expected.mutable_data();
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < width; ++j) sums[indices.data()[i] * width + j] += in.data()[i * width + j];
    }
    const Tensor scattered = same_bits_on_any_threads([&, rows = rows, width = width, n = n] {
      Tensor out({rows, width}, 0.5f);
      kernels::scatter_add_rows(in.data(), width, indices.data(), n, out.mutable_data(), rows);
      return std::vector{out};
    })[0];
    BOOST_TEST(same_bits(scattered, expected), "rows " << rows << " width " << width << " n " << n);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_index_is_named) {
  const Indices indices({4}, {0, 6, 7, -1});
  kernels::check_indices(indices.data(), 2, 7, "lookup");
  const auto says = [](const char* text) {
    return [text](const ShapeError& error) { return std::string(error.what()) == text; };
  };
  BOOST_CHECK_EXCEPTION(kernels::check_indices(indices.data(), 4, 7, "lookup"), ShapeError,
                        says("lookup: the index at position 2 is 7, outside of [0, 7)"));
  BOOST_CHECK_EXCEPTION(kernels::check_indices(indices.data(), 4, 8, "lookup"), ShapeError,
                        says("lookup: the index at position 3 is -1, outside of [0, 8)"));
}

BOOST_AUTO_TEST_CASE(blocks_go_to_their_places_and_nowhere_else) {
  for (const std::int64_t length : {0, 1, 15, 17, 100}) {
    const std::int64_t count = 700, in_stride = length + 3, out_stride = length + 2;
    const Tensor in = random({count, in_stride});
    Tensor out({count, out_stride}, -7.f);
    kernels::copy_blocks(in.data(), in_stride, out.mutable_data(), out_stride, count, length);
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j < out_stride; ++j) {
        wrong += out.data()[i * out_stride + j] != (j < length ? in.data()[i * in_stride + j] : -7.f);
      }
    }
    BOOST_TEST(wrong == 0, "length " << length);
  }
}

BOOST_AUTO_TEST_CASE(transposition) {
  for (const std::int64_t m : {0, 1, 15, 32, 33, 257}) {
    for (const std::int64_t n : {0, 1, 16, 31, 65, 300}) {
      const Tensor in = random({m, n});
      Tensor out({n, m}, -7.f);
      kernels::transpose(in.data(), m, n, out.mutable_data());
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < n; ++j) wrong += out.data()[j * m + i] != in.data()[i * n + j];
      }
      BOOST_TEST(wrong == 0, m << " x " << n);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
