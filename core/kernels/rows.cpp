#include <canopy/core/kernels/rows.hpp>

#include <algorithm>

#include <canopy/core/error.hpp>
#include <canopy/core/threads.hpp>

#include <fmt/format.h>

namespace canopy::kernels {
namespace {

constexpr std::int64_t cache_line = 16;              // floats
constexpr std::int64_t elements_a_thread = 1 << 15;  // worth waking it

// The number of rows of `width` floats that make enough work for a thread.
std::int64_t row_grain(std::int64_t width) { return elements_a_thread / std::max<std::int64_t>(width, 1) + 1; }

}  // namespace

void check_indices(const std::int32_t* indices, std::int64_t n, std::int64_t extent, const char* operation) {
  const std::int32_t* end = indices + n;
  const std::int32_t* wrong = std::find_if(indices, end, [=](std::int32_t i) { return i < 0 || i >= extent; });
  if (wrong == end) return;
  throw ShapeError(fmt::format("{}: the index at position {} is {}, outside of [0, {})", operation, wrong - indices,
                               *wrong, extent));
}

void gather_rows(const float* table, std::int64_t width, const std::int32_t* indices, std::int64_t n, float* out) {
  parallel_for(n, row_grain(width), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) std::copy_n(table + indices[i] * width, width, out + i * width);
  });
}

void scatter_add_rows(const float* in, std::int64_t width, const std::int32_t* indices, std::int64_t n, float* table,
                      std::int64_t rows) {
  // Columns are shared out, whole cache lines each, because that is even however often a row is named.
  if (width >= 4 * cache_line) {
    const std::int64_t grain = (row_grain(n) + cache_line - 1) / cache_line * cache_line;
    parallel_for(width, grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = 0; i < n; ++i) {
        if (indices[i] == no_row) continue;
        const float* from = in + i * width;
        float* to = table + indices[i] * width;
        for (std::int64_t j = begin; j < end; ++j) to[j] += from[j];
      }
    });
    return;
  }
  // Narrow rows: each thread owns rows of the table and looks through all indices for them.
  const std::int64_t grain = n * width <= elements_a_thread ? rows : rows / 64 + 1;
  parallel_for(rows, grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = 0; i < n; ++i) {
      if (indices[i] < begin || indices[i] >= end) continue;
      const float* from = in + i * width;
      float* to = table + indices[i] * width;
      for (std::int64_t j = 0; j < width; ++j) to[j] += from[j];
    }
  });
}

void copy_blocks(const float* in, std::int64_t in_stride, float* out, std::int64_t out_stride, std::int64_t count,
                 std::int64_t length) {
  parallel_for(count, row_grain(length), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) std::copy_n(in + i * in_stride, length, out + i * out_stride);
  });
}

void transpose(const float* in, std::int64_t rows, std::int64_t columns, float* out) {
  // Square tiles that fit the first-level cache, so that neither side is walked a cache line an element.
  constexpr std::int64_t tile = 32;
  const std::int64_t grain = (row_grain(rows) + tile - 1) / tile * tile;
  parallel_for(columns, grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t j0 = begin; j0 < end; j0 += tile) {
      for (std::int64_t i0 = 0; i0 < rows; i0 += tile) {
        const std::int64_t j1 = std::min(j0 + tile, end);
        const std::int64_t i1 = std::min(i0 + tile, rows);
        for (std::int64_t j = j0; j < j1; ++j) {
          for (std::int64_t i = i0; i < i1; ++i) out[j * rows + i] = in[i * columns + j];
        }
      }
    }
  });
}

}  // namespace canopy::kernels
