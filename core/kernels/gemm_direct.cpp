#include <canopy/core/kernels/gemm_direct.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include <canopy/core/kernels/simd.hpp>
#include <canopy/core/memory.hpp>

namespace canopy::kernels {

using simd::Batch;

namespace {

// A tile's sums, two registers a row, leave room for two registers of B and one number of A.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr std::int64_t tile_rows = 12;  // of 32 registers
#else
constexpr std::int64_t tile_rows = 6;  // of 16 registers
#endif
constexpr std::int64_t strip_width = 2 * simd::width;

// BLAS chooses its instructions when it runs, this file when it is compiled: without fused multiply-add BLAS wins.
#if defined(__FMA__) || defined(__aarch64__)
constexpr bool registers_are_wide = true;
#else
constexpr bool registers_are_wide = false;
#endif

// An element of op(A), (i, p), is at[i * row + p * column].
struct Strided {
  const float* at;
  std::int64_t row;
  std::int64_t column;
};

// Rows [p] of a strip of B are `stride` apart; `ahead` of what is read lies what will be read soon.
struct Strip {
  const float* at;
  std::int64_t stride;
  std::int64_t ahead;
};

// C[rows, registers] (+)= sum over p of A(i, p) B[p, :].
template <int rows, int registers>
void tile(std::int64_t k, const Strided& a, const Strip& b, float* c, std::int64_t ldc, bool accumulate) {
  Batch sum[rows][registers];
  for (auto& row : sum) std::fill_n(row, registers, Batch(0.f));
  for (std::int64_t p = 0; p < k; ++p) {
    const float* bp = b.at + p * b.stride;
    Batch br[registers];
    for (int j = 0; j < registers; ++j) {
      br[j] = simd::load(bp + j * simd::width);
      __builtin_prefetch(bp + j * simd::width + b.ahead);
    }
    const float* ap = a.at + p * a.column;
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const Batch ai(ap[i * a.row]);
      for (int j = 0; j < registers; ++j) sum[i][j] = xsimd::fma(ai, br[j], sum[i][j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < registers; ++j) {
      float* out = c + i * ldc + j * simd::width;
      simd::store(out, accumulate ? simd::load(out) + sum[i][j] : sum[i][j]);
    }
  }
}

using Tile = void (*)(std::int64_t, const Strided&, const Strip&, float*, std::int64_t, bool);

template <int registers, int... rows>
constexpr std::array<Tile, sizeof...(rows)> tiles_of(std::integer_sequence<int, rows...>) {
  return {tile<rows + 1, registers>...};
}

// [registers - 1][rows - 1]
constexpr std::array<std::array<Tile, tile_rows>, 2> tiles{tiles_of<1>(std::make_integer_sequence<int, tile_rows>()),
                                                           tiles_of<2>(std::make_integer_sequence<int, tile_rows>())};

// out[p * stride + j] = in[j * ld + p] for j < columns, p < k: four by four in registers.
void transpose_strip(const float* in, std::int64_t ld, std::int64_t columns, std::int64_t k, float* out,
                     std::int64_t stride) {
  std::int64_t j = 0;
#if defined(__SSE2__) || defined(__aarch64__)
  using Four = xsimd::make_sized_batch_t<float, 4>;
  for (; j + 4 <= columns; j += 4) {
    const float* row = in + j * ld;
    std::int64_t p = 0;
    for (; p + 4 <= k; p += 4) {
      const Four r0 = Four::load_unaligned(row + p);
      const Four r1 = Four::load_unaligned(row + ld + p);
      const Four r2 = Four::load_unaligned(row + 2 * ld + p);
      const Four r3 = Four::load_unaligned(row + 3 * ld + p);
      const Four even_low = xsimd::zip_lo(r0, r2), even_high = xsimd::zip_hi(r0, r2);
      const Four odd_low = xsimd::zip_lo(r1, r3), odd_high = xsimd::zip_hi(r1, r3);
      float* to = out + p * stride + j;
      xsimd::zip_lo(even_low, odd_low).store_unaligned(to);
      xsimd::zip_hi(even_low, odd_low).store_unaligned(to + stride);
      xsimd::zip_lo(even_high, odd_high).store_unaligned(to + 2 * stride);
      xsimd::zip_hi(even_high, odd_high).store_unaligned(to + 3 * stride);
    }
    for (; p < k; ++p) {
      for (std::int64_t i = 0; i < 4; ++i) out[p * stride + j + i] = row[i * ld + p];
    }
  }
#endif
  for (; j < columns; ++j) {
    for (std::int64_t p = 0; p < k; ++p) out[p * stride + j] = in[j * ld + p];
  }
}

}  // namespace

// op(B) as strips. Those that must be turned around, are read by many tiles or end within a register are packed: k rows
// of whole registers, zeros behind the columns. The others are read where they lie.
class Strips {
 public:
  Strips(const Factor& b, bool read_often)
      : b_(b), n_(b.op_columns()), k_(b.op_rows()), all_(b.op == Op::transpose || read_often) {
    first_packed_ = all_ ? 0 : (width(count() - 1) == columns(count() - 1) ? count() : count() - 1);
    const std::int64_t packed = count() - first_packed_;
    if (packed == 0) return;
    block_ = memory::allocate(static_cast<std::size_t>(packed * strip_width * k_) * sizeof(float));
    packed_ = static_cast<float*>(block_.data);
    parallel_for(packed, std::max<std::int64_t>(1, simd::grain / (strip_width * k_)),
                 [this](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t s = begin; s < end; ++s) pack(first_packed_ + s);
                 });
  }
  ~Strips() { memory::deallocate(block_); }
  Strips(const Strips&) = delete;
  Strips& operator=(const Strips&) = delete;

  std::int64_t count() const { return (n_ - 1) / strip_width + 1; }
  std::int64_t columns(std::int64_t s) const { return std::min(strip_width, n_ - s * strip_width); }
  /// Columns rounded up to whole registers.
  std::int64_t width(std::int64_t s) const { return columns(s) <= simd::width ? simd::width : strip_width; }
  bool all_packed() const { return all_; }
  /// Strip s from row p on.
  Strip at(std::int64_t s, std::int64_t p) const {
    if (s >= first_packed_) return {packed(s) + p * width(s), width(s), 48 * width(s)};
    return {b_.data + p * b_.stride + s * strip_width, b_.stride, strip_width};  // the next strip is read next
  }

 private:
  float* packed(std::int64_t s) const { return packed_ + (s - first_packed_) * strip_width * k_; }
  void pack(std::int64_t s) {
    float* out = packed(s);
    const std::int64_t used = columns(s), stride = width(s);
    if (b_.op == Op::transpose) {
      transpose_strip(b_.data + s * strip_width * b_.stride, b_.stride, used, k_, out, stride);
    } else {
      for (std::int64_t p = 0; p < k_; ++p)
        std::copy_n(b_.data + p * b_.stride + s * strip_width, used, out + p * stride);
    }
    for (std::int64_t p = 0; p < k_ && used < stride; ++p) {
      std::fill(out + p * stride + used, out + (p + 1) * stride, 0.f);
    }
  }

  Factor b_;
  std::int64_t n_, k_;
  bool all_;
  std::int64_t first_packed_ = 0;
  memory::Block block_;
  float* packed_ = nullptr;
};

namespace {

// `rows` rows of one strip of C; a strip that ends within a register goes through a copy of whole registers.
void tile_of_strip(std::int64_t rows, std::int64_t columns, std::int64_t width, std::int64_t k, const Strided& a,
                   const Strip& b, float* c, std::int64_t ldc, bool accumulate) {
  const Tile run = tiles[static_cast<std::size_t>(width / simd::width - 1)][static_cast<std::size_t>(rows - 1)];
  if (columns == width) return run(k, a, b, c, ldc, accumulate);
  alignas(64) float padded[tile_rows * strip_width];
  run(k, a, b, padded, width, false);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      c[i * ldc + j] = (accumulate ? c[i * ldc + j] : 0.f) + padded[i * width + j];
    }
  }
}

void multiply(const Factor& a, const Strips& strips, const Destination& c, Update update, const BlockFinish& finish) {
  const std::int64_t m = c.rows, k = a.op_columns();
  // Rows of B that are not packed lie on pages of their own: fewer of them at a time.
  const std::int64_t block_k = strips.all_packed() ? 384 : 256;
  // The rows of A that all strips pass over while they are in the cache.
  constexpr std::int64_t block_floats = 1 << 16;
  const std::int64_t block_rows =
      std::max<std::int64_t>(1, block_floats / (tile_rows * std::min(k, block_k))) * tile_rows;
  const std::int64_t a_row = a.op == Op::none ? a.stride : 1;
  const std::int64_t a_column = a.op == Op::none ? 1 : a.stride;

  const auto compute = [&](std::int64_t row_begin, std::int64_t s, std::int64_t p, std::int64_t p_end) {
    const std::int64_t row_end = std::min(m, row_begin + block_rows);
    const Strip strip = strips.at(s, p);
    for (std::int64_t i = row_begin; i < row_end; i += tile_rows) {
      tile_of_strip(std::min(tile_rows, row_end - i), strips.columns(s), strips.width(s), p_end - p,
                    {a.data + i * a_row + p * a_column, a_row, a_column}, strip,
                    c.data + i * c.stride + s * strip_width, c.stride, update == Update::add || p > 0);
    }
    if (finish && p_end == k) {
      finish(row_begin, row_end, s * strip_width, s * strip_width + strips.columns(s));
    }
  };
  const std::int64_t units = ((m - 1) / block_rows + 1) * strips.count();
  constexpr std::int64_t worth_a_thread = 1 << 20;  // multiplications: 20 us
  const std::int64_t grain =
      std::max<std::int64_t>(1, worth_a_thread / (std::min(m, block_rows) * strips.width(0) * k));
  parallel_for(units, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = 0; p < k; p += block_k) {
      for (std::int64_t u = begin; u < end; ++u) {
        compute(u / strips.count() * block_rows, u % strips.count(), p, std::min(k, p + block_k));
      }
    }
  });
}

}  // namespace

// Measured with one thread against OpenBLAS 0.3.21 on AVX-512. OpenBLAS has kernels of its own for products of at most
// 10^6 multiplications, which win where m or n is very small.
bool gemm_direct_pays(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k) {
  const bool beyond_blas_small = m * n * k > 1'000'000;
  if (!registers_are_wide) return false;
  if (op_a == Op::none && op_b == Op::transpose) return n <= 256 && (beyond_blas_small || (n > 4 && m >= 32));
  if (op_a == Op::transpose && op_b == Op::none) return m <= 48 && (beyond_blas_small || m > 4);
  return false;
}

void gemm_direct(const Factor& a, const Factor& b, const Destination& c, Update update, const BlockFinish& finish) {
  const std::int64_t m = c.rows, n = c.columns, k = a.op_columns();
  if (m == 0 || n == 0) return;
  multiply(a, Strips(b, m > 4 * tile_rows && k > 96), c, update, finish);
}

PackedFactor::PackedFactor(const Factor& b)
    : rows_(b.op_rows()),
      columns_(b.op_columns()),
      strips_(rows_ > 0 && columns_ > 0 ? std::make_shared<const Strips>(b, true) : nullptr) {}

// Measured with one thread on AVX-512: of a few rows `gemm` reads B as fast, where it lies.
bool gemm_packed_pays(std::int64_t m) { return registers_are_wide && m > 4; }

void gemm_packed(const Factor& a, const PackedFactor& b, const Destination& c, Update update,
                 const BlockFinish& finish) {
  require_product(a, b.rows(), b.columns(), c);
  if (b.rows() == 0) return gemm(a, {nullptr, 0, b.columns()}, c, update, finish);
  if (c.rows > 0 && c.columns > 0) multiply(a, *b.strips_, c, update, finish);
}

}  // namespace canopy::kernels
