#include <canopy/autograd/attention.hpp>

#include <cmath>

#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>
#include <canopy/core/kernels/attention.hpp>

#include <fmt/format.h>

namespace canopy {
namespace {

kernels::AttentionLayout layout_of(const Variable& qkv, const Sequences& sequences, const AttentionOptions& options) {
  const Shape& shape = qkv.shape();
  const std::int64_t row = shape.rank() > 0 ? shape[-1] : 0;
  if (options.heads < 1) throw ConfigError(fmt::format("attention: {} heads, where 1 is the least", options.heads));
  if (row == 0 || row % (3 * options.heads) != 0) {
    throw ShapeError(
        fmt::format("attention: rows of qkv hold queries, keys and values of {} heads: their length, {}, "
                    "must be a multiple of {}",
                    options.heads, row, 3 * options.heads));
  }
  if (shape.without(-1).size() != sequences.rows()) {
    throw ShapeError(fmt::format("attention: qkv {} has {} rows, the sequences have {}", shape.to_string(),
                                 shape.without(-1).size(), sequences.rows()));
  }
  return {options.heads, row / (3 * options.heads), options.head_major};
}

kernels::AttentionOptions kernel_options(const AttentionOptions& options, const kernels::AttentionLayout& layout) {
  const float scale = options.scale.value_or(1.f / std::sqrt(static_cast<float>(layout.width)));
  if (!(scale > 0.f && std::isfinite(scale))) {
    throw ConfigError(fmt::format("attention: the scale must be positive and finite, not {}", scale));
  }
  if (!(options.dropout >= 0.f && options.dropout < 1.f)) {
    throw ConfigError(fmt::format("attention: the probability of dropout must lie in [0, 1), not {}", options.dropout));
  }
  return {.scale = scale, .causal = options.causal, .dropout = options.dropout};
}

}  // namespace

Variable attention(const Variable& qkv, const Sequences& sequences, const AttentionOptions& options,
                   RandomStream& stream) {
  const kernels::AttentionLayout layout = layout_of(qkv, sequences, options);
  kernels::AttentionOptions how = kernel_options(options, layout);
  if (options.dropout > 0.f) {
    how.stream = stream;
    stream.seek(stream.position() + kernels::attention_random_blocks(sequences, layout));
  }
  Tensor out(qkv.shape().with(-1, layout.heads * layout.width)), log_sums({sequences.rows(), layout.heads});
  kernels::attention(sequences, layout, how, qkv.value().data(), out.mutable_data(), log_sums.mutable_data());
  return record("attention", {qkv}, out, keep(qkv.value(), out),
                [=, qkv = qkv.value(), sink = qkv.sink()](const Tensor& dout) {
                  Tensor dqkv(qkv.shape());
                  kernels::attention_backward(sequences, layout, how, qkv.data(), out.data(), log_sums.data(),
                                              dout.data(), dqkv.mutable_data());
                  sink.accumulate(std::move(dqkv));
                });
}

Variable attention(const Variable& qkv, const Sequences& sequences, const AttentionOptions& options) {
  if (options.dropout > 0.f) throw ConfigError("attention: dropout needs a stream of random numbers");
  RandomStream none(0, "");
  return attention(qkv, sequences, options, none);
}

}  // namespace canopy
