#include <canopy/core/kernels/grouped_gemm.hpp>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <vector>

#include <canopy/core/kernels/simd_dots.hpp>
#include <canopy/core/kernels/simd_sums.hpp>

namespace canopy::kernels {
namespace {

using simd::Batch;

// Rows that are computed together: what they share, a part of the group's matrix, is read from memory once for them,
// and a strip of them stays in the first cache.
constexpr std::int64_t panel_rows = 64;
constexpr std::int64_t few_rows = 4;

#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int tile_rows = 12;   // of products that step along C's columns, two registers wide: 24 sums of 32 registers
constexpr int dot_columns = 4;  // of products that step along k: 16 sums of 32 registers
#else
constexpr int tile_rows = 6;  // of 16 registers
constexpr int dot_columns = 2;
#endif
constexpr int dot_rows = 4;
constexpr std::int64_t strip_width = 2 * simd::width;
constexpr std::int64_t long_strip_width = static_cast<std::int64_t>(simd::long_strip) * simd::width;

// Calls f(at, width) with the largest power of two up to `widest` that fits, until `count` is used up.
template <int widest, class F>
void in_steps(std::int64_t count, F f) {
  std::int64_t at = 0;
  for (; at + widest <= count; at += widest) f(at, std::integral_constant<int, widest>());
  if constexpr (widest > 1) {
    in_steps<widest / 2>(count - at, [&](std::int64_t further, auto width) { f(at + further, width); });
  }
}

// c[r][j] = a[r] . w_j for R rows and N columns, the rows of w. Each product is a register of partial sums over k.
template <int R, int N>
void dot_tile(std::int64_t k, const float* const* a, const float* w, float* const* c, std::int64_t column) {
  Batch sum[R][N];
  for (auto& row : sum) std::fill_n(row, N, Batch(0.f));
  const auto step = [&](auto load) {
    Batch x[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) x[r] = load(a[r]);
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      Batch wj = load(w + j * k);
      simd::keep_in_register(wj);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) sum[r][j] = xsimd::fma(x[r], wj, sum[r][j]);
    }
  };
  std::int64_t i = 0;
  for (; i + simd::width <= k; i += simd::width) step([i](const float* row) { return simd::load(row + i); });
  if (i < k) step([i, k](const float* row) { return simd::load_partial(row + i, k - i); });
  for (int r = 0; r < R; ++r) {
    for (int j = 0; j < N; ++j) c[r][column + j] = simd::reduce_add(sum[r][j]);
  }
}

// c = a W^T for a panel of rows of one group: W's rows are read in the cache once for four rows of a.
void dot_panel(std::int64_t n, std::int64_t k, const float* const* a, std::int64_t rows, const float* w,
               float* const* c) {
  in_steps<dot_rows>(rows, [&]<int R>(std::int64_t r, std::integral_constant<int, R>) {
    in_steps<dot_columns>(n, [&]<int N>(std::int64_t j, std::integral_constant<int, N>) {
      dot_tile<R, N>(k, a + r, w + j * k, c + r, j);
    });
  });
}

// c[i][columns] (+)= sum over p of a(i, p) b[p], where a(i, p) = a[i * a_row + p * a_column]; b(p) is the row of b at
// the strip's first column, of which the last register may be partial.
template <int R, int registers, class RowOfB, class RowOfC>
void tile(std::int64_t k, const float* a, std::int64_t a_row, std::int64_t a_column, RowOfB b, RowOfC c,
          std::int64_t columns, bool accumulate) {
  constexpr std::int64_t last = (registers - 1) * simd::width;
  const bool whole = columns == last + simd::width;
  Batch sum[R][registers];
  for (auto& row : sum) std::fill_n(row, registers, Batch(0.f));
  const auto step = [&](std::int64_t p, const float* bp, auto load_last) {
    Batch br[registers];
    for (int j = 0; j + 1 < registers; ++j) br[j] = simd::load(bp + j * simd::width);
    br[registers - 1] = load_last(bp + last);
    const float* ap = a + p * a_column;
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Batch ai(ap[i * a_row]);
      for (int j = 0; j < registers; ++j) sum[i][j] = xsimd::fma(ai, br[j], sum[i][j]);
    }
  };
  if (whole) {
    for (std::int64_t p = 0; p < k; ++p) step(p, b(p), [](const float* at) { return simd::load(at); });
  } else {
    for (std::int64_t p = 0; p < k; ++p) {
      step(p, b(p), [=](const float* at) { return simd::load_partial(at, columns - last); });
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
    float* out = c(i);
    for (int j = 0; j < registers; ++j) {
      const std::int64_t here = std::min(simd::width, columns - j * simd::width);
      float* at = out + j * simd::width;
      if (here == simd::width) {
        simd::store(at, accumulate ? simd::load(at) + sum[i][j] : sum[i][j]);
      } else {
        simd::store_partial(at, accumulate ? simd::load_partial(at, here) + sum[i][j] : sum[i][j], here);
      }
    }
  }
}

// The same for up to tile_rows rows and up to strip_width columns.
template <class RowOfB, class RowOfC>
void tile_of(std::int64_t rows, std::int64_t columns, std::int64_t k, const float* a, std::int64_t a_row,
             std::int64_t a_column, RowOfB b, RowOfC c, bool accumulate) {
  using Run = void (*)(std::int64_t, const float*, std::int64_t, std::int64_t, RowOfB, RowOfC, std::int64_t, bool);
  static constexpr auto runs = []<int... R>(std::integer_sequence<int, R...>) {
    return std::array<std::array<Run, tile_rows>, 2>{
        {{tile<R + 1, 1, RowOfB, RowOfC>...}, {tile<R + 1, 2, RowOfB, RowOfC>...}}};
  }
  (std::make_integer_sequence<int, tile_rows>());
  runs[columns > simd::width ? 1 : 0][static_cast<std::size_t>(rows - 1)](k, a, a_row, a_column, b, c, columns,
                                                                          accumulate);
}

// c = a W for a panel of rows of one group; a is [rows, k] without gaps. A strip of W stays in the first cache while
// all rows pass by. For few rows W comes from memory, which wants longer strips: the same sums in the same order.
void strip_panel(std::int64_t n, std::int64_t k, const float* a, std::int64_t rows, const float* w, float* const* c) {
  if (rows <= few_rows && n >= long_strip_width) {
    const auto each_row = [=](auto sum) {
      for (std::int64_t r = 0; r < rows; ++r) {
        sum([=](std::int64_t p) { return simd::Term{a[r * k + p], w + p * n}; }, c[r]);
      }
    };
    simd::for_each_strip(
        0, n,
        [=]<std::size_t S>(std::int64_t j, std::integral_constant<std::size_t, S>) {
          each_row([=](const auto& term, float* out) { simd::strip_sum<S, simd::Write::over>(j, k, term, out); });
        },
        [=](std::int64_t j, std::int64_t count) {
          each_row([=](const auto& term, float* out) { simd::rest_sum<simd::Write::over>(j, count, k, term, out); });
        });
    return;
  }
  for (std::int64_t j = 0; j < n; j += strip_width) {
    for (std::int64_t r = 0; r < rows; r += tile_rows) {
      tile_of(
          std::min<std::int64_t>(tile_rows, rows - r), std::min(strip_width, n - j), k, a + r * k, k, 1,
          [=](std::int64_t p) { return w + p * n + j; }, [=](int i) { return c[r + i] + j; }, false);
    }
  }
}

// The rows of `a` at [begin, end) side by side: where they lie, or copied to `buffer`.
const float* contiguous(Rows<const float> a, std::int64_t begin, std::int64_t end, std::vector<float>& buffer) {
  if (!a.index) return a[begin];
  buffer.resize(static_cast<std::size_t>((end - begin) * a.width));
  for (std::int64_t p = begin; p < end; ++p) std::copy_n(a[p], a.width, buffer.data() + (p - begin) * a.width);
  return buffer.data();
}

// The first group that ends behind position p.
std::int64_t group_at(const Grouping& groups, std::int64_t p) {
  const std::int32_t* begin = groups.begin.data();
  return std::upper_bound(begin, begin + groups.begin.size(), p) - begin - 1;
}

// Multiplications worth a thread.
constexpr std::int64_t worth_a_thread = 1 << 20;

}  // namespace

void grouped_gemm(const Grouping& groups, Op op, std::int64_t n, std::int64_t k, Rows<const float> a, const float* w,
                  Rows<float> c, const RowsFinish& finish) {
  const std::int64_t positions = groups.order.size();
  const std::int32_t* starts = groups.begin.data();
  const std::int64_t grain = std::max<std::int64_t>(panel_rows, worth_a_thread / std::max<std::int64_t>(1, n * k));
  parallel_for(positions, grain, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> buffer;
    const float* from[panel_rows];
    float* to[panel_rows];
    std::int64_t u = group_at(groups, first);
    for (std::int64_t p = first; p < last;) {
      const std::int64_t end = std::min({last, p + panel_rows, static_cast<std::int64_t>(starts[u + 1])});
      const std::int64_t group = groups.used.data()[u];
      for (std::int64_t q = p; q < end; ++q) to[q - p] = c[q];
      if (op == Op::transpose) {
        for (std::int64_t q = p; q < end; ++q) from[q - p] = a[q];
        dot_panel(n, k, from, end - p, w + group * n * k, to);
      } else {
        strip_panel(n, k, contiguous(a, p, end, buffer), end - p, w + group * n * k, to);
      }
      if (finish) finish(group, p, end);
      p = end;
      if (p == starts[u + 1]) ++u;
    }
  });
}

void grouped_gemm_gradient(const Grouping& groups, std::int64_t m, std::int64_t n, Rows<const float> a,
                           Rows<const float> b, float* c, float* sums) {
  const std::int64_t strips = (n + strip_width - 1) / strip_width;
  const std::int32_t* starts = groups.begin.data();
  // Strip s of matrix u is one unit. All units' rows stand in a line, unit after unit, and a unit belongs to whom its
  // first row falls to: a group with most of the rows has units enough for all threads.
  const std::int64_t line = groups.order.size() * strips;
  const std::int64_t grain = std::max<std::int64_t>(1, worth_a_thread / std::max<std::int64_t>(1, m * strip_width));
  parallel_for(line, grain, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> buffer;
    for (std::int64_t u = group_at(groups, first / strips); u < groups.used.size(); ++u) {
      const std::int64_t start = starts[u], rows = starts[u + 1] - start;
      const auto unit_from = [&](std::int64_t at) {  // the first unit that starts at `at` or behind
        return std::clamp<std::int64_t>((at - start * strips + rows - 1) / rows, 0, strips);
      };
      if (start * strips >= last) break;
      const std::int64_t first_strip = first <= start * strips ? 0 : unit_from(first);
      const std::int64_t end_strip = unit_from(last);
      if (first_strip >= end_strip) continue;
      float* matrix = c + u * m * n;
      for (std::int64_t p = start; p < start + rows; p += panel_rows) {
        const std::int64_t count = std::min(panel_rows, start + rows - p);
        const float* panel = contiguous(a, p, p + count, buffer);
        for (std::int64_t s = first_strip; s < end_strip; ++s) {
          const std::int64_t j = s * strip_width, columns = std::min(strip_width, n - j);
          const float* strip[panel_rows];
          for (std::int64_t r = 0; r < count; ++r) strip[r] = b[p + r] + j;
          const bool accumulate = p > start;
          const auto row_of_b = [&strip](std::int64_t r) { return strip[r]; };
          for (std::int64_t i = 0; i < m; i += tile_rows) {
            tile_of(
                std::min<std::int64_t>(tile_rows, m - i), columns, count, panel + i, 1, m, row_of_b,
                [=](int row) { return matrix + (i + row) * n + j; }, accumulate);
          }
          if (sums) {
            constexpr float one = 1.f;
            tile_of(
                1, columns, count, &one, 0, 0, row_of_b, [=](int) { return sums + u * n + j; }, accumulate);
          }
        }
      }
    }
  });
}

}  // namespace canopy::kernels
