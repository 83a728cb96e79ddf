#include <canopy/core/kernels/linear.hpp>

#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {

using simd::Batch;

void linear_forward(std::int64_t rows, std::int64_t inputs, std::int64_t outputs, const float* x, const float* w,
                    const float* bias, Activation activation, float* y, float* z) {
  float* product = z ? z : y;
  const auto finish_row = [&](std::int64_t row, std::int64_t begin, std::int64_t end) {
    float* in = product + row * outputs;
    float* out = y + row * outputs;
    // max(0, x) in this order lets a NaN in x through.
    if (activation == Activation::relu && !z) {
      const auto relu = [](Batch v) { return xsimd::max(Batch(0.f), v); };
      if (bias) {
        simd::map_serial(
            begin, end, out, [&](Batch v, Batch b) { return relu(v + b); }, in, bias);
      } else {
        simd::map_serial(begin, end, out, relu, in);
      }
      return;
    }
    if (bias)
      simd::map_serial(
          begin, end, in, [](Batch v, Batch b) { return v + b; }, in, bias);
    if (z || activation != Activation::identity) activate(activation, in + begin, out + begin, end - begin);
  };
  BlockFinish finish;
  if (bias || z || activation != Activation::identity) {
    finish = [&](std::int64_t row_begin, std::int64_t row_end, std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = row_begin; row < row_end; ++row) finish_row(row, begin, end);
    };
  }
  gemm({x, rows, inputs}, transposed({w, outputs, inputs}), {product, rows, outputs}, Update::overwrite, finish);
}

}  // namespace canopy::kernels
