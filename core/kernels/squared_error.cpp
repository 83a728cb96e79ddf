#include <canopy/core/kernels/squared_error.hpp>

#include <numeric>
#include <vector>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {

using simd::Batch;
using simd::width;

double squared_error(const float* a, const float* b, std::int64_t n) {
  // Registers are added up over a block only, then in double: the error does not grow with n.
  constexpr std::int64_t block = 1 << 10;
  std::vector<double> sums(static_cast<std::size_t>((n + block - 1) / block));
  parallel_for(n, simd::grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin; first < end; first += block) {
      const std::int64_t last = std::min(first + block, end);
      Batch sum(0.f);
      const auto add = [&](const Batch& d) { sum = xsimd::fma(d, d, sum); };
      std::int64_t i = first;
      for (; i + width <= last; i += width) add(simd::load(a + i) - simd::load(b + i));
      if (i < last) add(simd::load_partial(a + i, last - i) - simd::load_partial(b + i, last - i));
      sums[static_cast<std::size_t>(first / block)] = xsimd::hadd(sum);
    }
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

void scaled_difference(const float* a, const float* b, float factor, float* out, std::int64_t n) {
  simd::map(
      n, out, [f = Batch(factor)](Batch x, Batch y) { return f * (x - y); }, a, b);
}

}  // namespace canopy::kernels
