// Weighted sums of rows in registers, sum over i of coefficient_i row_i: a strip of columns at a time. Included by
// kernels' sources only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels::simd {

/// Registers of a strip of columns: enough sums for their additions not to wait for each other.
inline constexpr std::size_t long_strip = 12;

/// What becomes of the sums: they replace the output, are added to it, or replace it past the caches.
enum class Write { over, add, past_the_cache };

struct Term {
  float coefficient;
  const float* row;
};

/// out (+)= sum over i < n of coefficient_i row_i with term(i) = {coefficient_i, row_i}, columns [j, j + S registers).
template <std::size_t S, Write write, class Terms>
inline void strip_sum(std::int64_t j, std::int64_t n, const Terms& term, float* out) {
  Batch sum[S];
#pragma GCC unroll 16
  for (std::size_t c = 0; c < S; ++c) {
    sum[c] = write == Write::add ? load(out + j + static_cast<std::int64_t>(c) * width) : Batch(0.f);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const Term at = term(i);
    const float* row = one_pointer(at.row + j);
    const Batch coefficient(at.coefficient);
#pragma GCC unroll 16
    for (std::size_t c = 0; c < S; ++c) {
      sum[c] = xsimd::fma(coefficient, load(row + static_cast<std::int64_t>(c) * width), sum[c]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t c = 0; c < S; ++c) {
    float* to = out + j + static_cast<std::int64_t>(c) * width;
    if constexpr (write == Write::past_the_cache) {
      stream(to, sum[c]);
    } else {
      store(to, sum[c]);
    }
  }
}

/// The same for `count` columns, less than a register.
template <Write write, class Terms>
void rest_sum(std::int64_t j, std::int64_t count, std::int64_t n, const Terms& term, float* out) {
  Batch sum = write == Write::add ? load_partial(out + j, count) : Batch(0.f);
  for (std::int64_t i = 0; i < n; ++i) {
    const Term at = term(i);
    sum = xsimd::fma(Batch(at.coefficient), load_partial(at.row + j, count), sum);
  }
  store_partial(out + j, sum, count);
}

/// Calls f(j, S) for strips of S registers that cover the whole registers of columns [begin, end), then rest(j, count).
template <class F, class Rest>
void for_each_strip(std::int64_t begin, std::int64_t end, F f, Rest rest) {
  std::int64_t j = begin;
  const auto strips = [&]<std::size_t S>(std::integral_constant<std::size_t, S> registers) {
    constexpr std::int64_t strip = static_cast<std::int64_t>(S) * width;
    for (; j + strip <= end; j += strip) f(j, registers);
  };
  strips(std::integral_constant<std::size_t, long_strip>());
  strips(std::integral_constant<std::size_t, 4>());
  strips(std::integral_constant<std::size_t, 1>());
  if (j < end) rest(j, end - j);
}

}  // namespace canopy::kernels::simd
