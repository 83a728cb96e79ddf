#include <canopy/core/kernels/linear.hpp>

#include <canopy/core/kernels/activations.hpp>
#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/simd.hpp>

namespace canopy::kernels {

using simd::Batch;

namespace {

// What becomes of a row of the product, x W^T, which stands in z or, where nobody wants that, in y.
struct Finish {
  std::int64_t outputs;
  const float* bias;
  Activation activation;
  float *y, *z;

  bool does_nothing() const { return !bias && !z && activation == Activation::identity; }
  float* product() const { return z ? z : y; }

  void row(std::int64_t row, std::int64_t begin, std::int64_t end) const {
    float* in = product() + row * outputs;
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
    if (bias) {
      simd::map_serial(
          begin, end, in, [](Batch v, Batch b) { return v + b; }, in, bias);
    }
    if (z || activation != Activation::identity) activate(activation, in + begin, out + begin, end - begin);
  }

  BlockFinish of_blocks() const {
    if (does_nothing()) return {};
    return [*this](std::int64_t row_begin, std::int64_t row_end, std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = row_begin; i < row_end; ++i) row(i, begin, end);
    };
  }
};

}  // namespace

void linear_forward(std::int64_t rows, std::int64_t inputs, std::int64_t outputs, const float* x, const float* w,
                    const float* bias, Activation activation, float* y, float* z) {
  const Finish finish{outputs, bias, activation, y, z};
  gemm({x, rows, inputs}, transposed({w, outputs, inputs}), {finish.product(), rows, outputs}, Update::overwrite,
       finish.of_blocks());
}

void linear_forward(std::int64_t rows, const float* x, const PackedFactor& w, const float* bias, Activation activation,
                    float* y) {
  const Finish finish{w.columns(), bias, activation, y, nullptr};
  gemm_packed({x, rows, w.rows()}, w, {y, rows, w.columns()}, Update::overwrite, finish.of_blocks());
}

}  // namespace canopy::kernels
