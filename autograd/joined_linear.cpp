#include <canopy/autograd/joined_linear.hpp>

#include <algorithm>
#include <utility>
#include <vector>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/gemm.hpp>
#include <canopy/core/kernels/gemm_direct.hpp>
#include <canopy/core/kernels/reductions.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

using kernels::transposed;

void check(const Variable& x, std::span<const Variable> weights, std::span<const Variable> biases) {
  if (weights.empty() || weights.size() != biases.size()) {
    throw ShapeError(fmt::format("joined_linear: {} weights and {} biases", weights.size(), biases.size()));
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Shape& weight = weights[i].shape();
    if (x.shape().rank() < 1 || weight.rank() != 2 || x.extent(-1) != weight[1]) {
      throw ShapeError(
          fmt::format("joined_linear: x [..., inputs] and weight {} [outputs, inputs] do not fit: {} and {}", i,
                      x.shape().to_string(), weight.to_string()));
    }
    if (biases[i].is_defined() && biases[i].shape() != Shape{weight[0]}) {
      throw ShapeError(fmt::format("joined_linear: bias {} has the shape {} where its weight {} needs {}", i,
                                   biases[i].shape().to_string(), weight.to_string(), Shape{weight[0]}.to_string()));
    }
  }
}

// One of the maps: its columns of the result.
struct Part {
  Tensor weight;
  GradientSink weight_sink, bias_sink;
  std::int64_t begin, outputs;
};

}  // namespace

// y_i = x W_i^T + b_i;  dW_i = dy_i^T x,  db_i = column sums of dy_i,  dx = sum over i of dy_i W_i
Variable joined_linear(const Variable& x, std::span<const Variable> weights, std::span<const Variable> biases) {
  check(x, weights, biases);
  const std::int64_t inputs = x.extent(-1), rows = x.shape().without(-1).size();
  std::vector<Part> parts;
  std::vector<Variable> recorded{x};
  std::int64_t outputs = 0;
  bool wants_x = false;
  Kept kept;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Variable &weight = weights[i], &bias = biases[i];
    parts.push_back({weight.value(), weight.sink(), bias.sink(), outputs, weight.extent(0)});
    outputs += weight.extent(0);
    wants_x = wants_x || weight.requires_grad();
    recorded.push_back(weight);
    if (bias.is_defined()) recorded.push_back(bias);
    if (x.requires_grad()) kept.append(weight.value());
  }
  if (wants_x) kept.append(x.value());

  Tensor y(x.shape().with(-1, outputs));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    float* out = y.mutable_data() + part.begin;
    const float* bias = biases[i].is_defined() ? biases[i].value().data() : nullptr;
    kernels::BlockFinish add_bias;
    if (bias) {
      add_bias = [=](std::int64_t row, std::int64_t row_end, std::int64_t begin, std::int64_t end) {
        for (; row < row_end; ++row) {
          float* at = out + row * outputs;
          for (std::int64_t j = begin; j < end; ++j) at[j] += bias[j];
        }
      };
    }
    const kernels::Factor x_rows{x.value().data(), rows, inputs};
    const kernels::Destination columns{out, rows, part.outputs, outputs};
    const kernels::PackedFactor* packed = is_recording() ? nullptr : weights[i].packed();
    if (packed && kernels::gemm_packed_pays(rows)) {
      kernels::gemm_packed(x_rows, *packed, columns, kernels::Update::overwrite, add_bias);
    } else {
      kernels::gemm(x_rows, transposed({part.weight.data(), part.outputs, inputs}), columns, kernels::Update::overwrite,
                    add_bias);
    }
  }

  const auto backward = [=, x_value = wants_x ? x.value() : Tensor(), x_shape = x.shape(), dx = x.sink(),
                         parts = std::move(parts)](const Tensor& dy) {
    const bool wants_sums = std::ranges::any_of(parts, [](const Part& part) { return part.bias_sink.needed(); });
    Tensor sums({wants_sums ? outputs : 0}), dx_sum;
    if (wants_sums) kernels::sum_axis(dy.data(), sums.mutable_data(), 1, rows, outputs);
    if (dx.needed()) dx_sum = Tensor(x_shape);
    for (const Part& part : parts) {
      const kernels::Factor dy_part{dy.data() + part.begin, rows, part.outputs, outputs};
      if (part.weight_sink.needed()) {
        Tensor dw({part.outputs, inputs});
        kernels::gemm(transposed(dy_part), {x_value.data(), rows, inputs}, {dw.mutable_data(), part.outputs, inputs});
        part.weight_sink.accumulate(std::move(dw));
      }
      if (part.bias_sink.needed()) {
        part.bias_sink.accumulate(Tensor({part.outputs}, sums.elements().subspan(part.begin, part.outputs)));
      }
      if (dx.needed()) {
        kernels::gemm(dy_part, {part.weight.data(), part.outputs, inputs}, {dx_sum.mutable_data(), rows, inputs},
                      part.begin == 0 ? kernels::Update::overwrite : kernels::Update::add);
      }
    }
    if (dx.needed()) dx.accumulate(std::move(dx_sum));
  };
  return record("joined_linear", recorded, std::move(y), std::move(kept), backward);
}

}  // namespace canopy
