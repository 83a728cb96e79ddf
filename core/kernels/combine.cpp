#include <canopy/core/kernels/combine.hpp>

#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {

using simd::Batch;

void combine(const float* grouped, const std::int32_t* position, const float* gates, std::int64_t rows, std::int64_t k,
             std::int64_t width, float* y) {
  parallel_for(rows, simd::items_per_grain(k * width), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      float* out = y + r * width;
      for (std::int64_t i = r * k; i < (r + 1) * k; ++i) {
        const Batch gate(gates ? gates[i] : 1.f);
        const float* in = grouped + position[i] * width;
        if (i == r * k) {
          simd::map_serial(
              0, width, out, [gate](Batch v) { return gate * v; }, in);
        } else {
          simd::map_serial(
              0, width, out, [gate](Batch v, Batch sum) { return xsimd::fma(gate, v, sum); }, in, out);
        }
      }
    }
  });
}

void combine_backward(const float* grouped, const std::int32_t* position, const float* gates, const float* dy,
                      std::int64_t rows, std::int64_t k, std::int64_t width, float* d_grouped, float* d_gates) {
  parallel_for(rows, simd::items_per_grain(k * width), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* upstream = dy + r * width;
      for (std::int64_t i = r * k; i < (r + 1) * k; ++i) {
        const std::int64_t at = position[i] * width;
        if (d_gates) {
          d_gates[i] = static_cast<float>(simd::sum_serial(
              0, width, [](Batch a, Batch b) { return a * b; }, grouped + at, upstream));
        }
        if (d_grouped) {
          const Batch gate(gates ? gates[i] : 1.f);
          simd::map_serial(
              0, width, d_grouped + at, [gate](Batch v) { return gate * v; }, upstream);
        }
      }
    }
  });
}

}  // namespace canopy::kernels
