#include <canopy/nn/transformers/token_embeddings.hpp>

#include <cmath>

#include <canopy/autograd/arithmetic.hpp>

namespace canopy::nn {
namespace {

Tensor sinusoids(const Indices& positions, std::int64_t width) {
  Tensor result({positions.size(), width});
  float* out = result.mutable_data();
  for (const std::int32_t position : positions.elements()) {
    for (std::int64_t j = 0; j < width; ++j) {
      const std::int64_t pair = j - j % 2;
      const double rate = std::pow(10000., -static_cast<double>(pair) / static_cast<double>(width));
      *out++ = static_cast<float>(j % 2 == 0 ? std::sin(position * rate) : std::cos(position * rate));
    }
  }
  return result;
}

}  // namespace

TokenEmbeddings::TokenEmbeddings(const TokenEmbeddingsOptions& options)
    : options_(options),
      word_({.count = options.vocabulary,
             .width = options.width,
             .padding = options.padding,
             .deviation = options.deviation}),
      dropout_({.probability = options.dropout}) {
  add_module("word", word_);
  if (options.positions > 0) {
    position_.emplace(
        EmbeddingOptions{.count = options.positions, .width = options.width, .deviation = options.deviation});
    add_module("position", *position_);
  } else {
    const float scale = 1.f / std::sqrt(static_cast<float>(options.width));
    scale_ = sinusoids_.add_parameter("scale_factor", Tensor({1}, scale));
    add_module("position", sinusoids_);
  }
  if (options.types > 0) {
    type_.emplace(EmbeddingOptions{.count = options.types, .width = options.width, .deviation = options.deviation});
    add_module("type", *type_);
  }
  if (options.norm) {
    norm_.emplace(LayerNormOptions{.width = options.width, .epsilon = options.epsilon});
    add_module("norm", *norm_);
  }
  add_module("dropout", dropout_);
}

Variable TokenEmbeddings::positions(const Indices& positions) const {
  if (position_) return (*position_)(positions);
  return sinusoids(positions, options_.width) * scale_;
}

Variable TokenEmbeddings::operator()(const Tokens& tokens) const {
  Variable sum = word_(tokens.ids) + positions(tokens.positions);
  if (type_) sum = sum + (*type_)(tokens.types);
  return dropout_(norm_ ? (*norm_)(sum) : sum);
}

}  // namespace canopy::nn
