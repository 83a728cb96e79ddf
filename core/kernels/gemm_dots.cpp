#include <canopy/core/kernels/gemm_dots.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <canopy/core/kernels/simd_dots.hpp>

namespace canopy::kernels {
namespace {

constexpr std::size_t most_rows = 4;
// Of B beside so many rows of A, as the registers allow.
constexpr std::size_t columns_of(std::size_t rows) { return std::min<std::size_t>(simd::most_dots / rows, 7); }
// Of k at a time: the rows of a tile stay in the first cache.
constexpr std::int64_t block_k = 1024;

// Numbers [i, i + n) of rows of A and of B; the last of them again where a tile is not full.
struct Rows {
  Factor of;
  std::int64_t k;

  const float* at(std::int64_t row) const { return of.data + std::min(row, of.rows - 1) * of.stride + k; }
};

// C[i + r, j + s] (+)= A[i + r, k..] . B[j + s, k..] for the rows and columns of a tile that C has.
template <std::size_t rows>
void tile(const Rows& a, const Rows& b, std::int64_t i, std::int64_t j, std::int64_t j_end, std::int64_t n,
          const Destination& c, bool accumulate) {
  constexpr std::size_t columns = columns_of(rows);
  const float *x[rows], *w[columns], *ahead[rows];
  for (std::size_t r = 0; r < rows; ++r) {
    x[r] = a.at(i + static_cast<std::int64_t>(r));
    // Each row of B that comes next is asked for by one of the tiles beside each other.
    ahead[r] = b.at(j + static_cast<std::int64_t>(columns + (static_cast<std::size_t>(i) + r) % columns));
  }
  for (std::size_t s = 0; s < columns; ++s) w[s] = b.at(j + static_cast<std::int64_t>(s));
  float out[rows * columns];
  simd::dots<rows, columns>(x, w, n, out, ahead);
  const auto used = std::min<std::int64_t>(columns, j_end - j);
  for (std::size_t r = 0; r < rows; ++r) {
    float* to = c.data + (i + static_cast<std::int64_t>(r)) * c.stride + j;
    for (std::int64_t s = 0; s < used; ++s) {
      const float value = out[r * columns + static_cast<std::size_t>(s)];
      to[s] = accumulate ? to[s] + value : value;
    }
  }
}

using Tile = void (*)(const Rows&, const Rows&, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                      const Destination&, bool);

template <std::size_t... rows>
constexpr std::array<Tile, sizeof...(rows)> tiles_of(std::index_sequence<rows...>) {
  return {tile<rows + 1>...};
}
constexpr std::array<Tile, most_rows> tiles = tiles_of(std::make_index_sequence<most_rows>());

}  // namespace

// Measured with one thread against OpenBLAS 0.3.21 on AVX-512, which turns nothing around in its kernels for small
// products.
bool gemm_dots_pays(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k) {
  return op_a == Op::none && op_b == Op::transpose && m <= 28 && k >= 4 * simd::width && m * n * k > 300'000;
}

void gemm_dots(const Factor& a, const Factor& b, const Destination& c, Update update, const BlockFinish& finish) {
  const std::int64_t m = c.rows, n = c.columns, k = a.columns;
  if (m == 0 || n == 0) return;
  // All tiles of a run of columns have as many rows, so that each reads as many rows of B.
  const auto rows = static_cast<std::int64_t>(std::min<std::size_t>(most_rows, static_cast<std::size_t>(m)));
  const auto columns = static_cast<std::int64_t>(columns_of(static_cast<std::size_t>(rows)));
  constexpr std::int64_t run = 84;  // a multiple of all of them: columns that are finished together
  const std::int64_t runs = (n - 1) / run + 1;
  constexpr std::int64_t worth_a_thread = 1 << 20;  // multiplications: 20 us
  parallel_for(
      runs, std::max<std::int64_t>(1, worth_a_thread / (m * run * k)), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t j_begin = begin * run; j_begin < std::min(n, end * run); j_begin += run) {
          const std::int64_t j_end = std::min(n, j_begin + run);
          for (std::int64_t p = 0; p < k; p += block_k) {
            const Rows x{a, p}, w{b, p};
            const bool accumulate = update == Update::add || p > 0;
            for (std::int64_t j = j_begin; j < j_end; j += columns) {
              for (std::int64_t i = 0; i < m; i += rows) {
                const auto now = static_cast<std::size_t>(std::min(rows, m - i));
                for (std::int64_t s = j; s < std::min(j + columns, j_end);
                     s += static_cast<std::int64_t>(columns_of(now))) {
                  tiles[now - 1](x, w, i, s, std::min(j + columns, j_end), std::min(block_k, k - p), c, accumulate);
                }
              }
            }
          }
          if (finish) finish(0, m, j_begin, j_end);
        }
      });
}

}  // namespace canopy::kernels
