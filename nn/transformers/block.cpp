#include <canopy/nn/transformers/block.hpp>

#include <utility>

#include <canopy/autograd/arithmetic.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {

Block::Block(const BlockOptions& options, std::unique_ptr<Layer> feedforward)
    : options_(options),
      norm1_({.width = options.width, .epsilon = options.epsilon}),
      attention_({.width = options.width,
                  .heads = options.heads,
                  .projections = options.projections,
                  .bias = options.bias,
                  .causal = options.causal,
                  .dropout = options.attention_dropout}),
      feedforward_(std::move(feedforward)),
      dropout_({.probability = options.dropout}) {
  add_module("norm1", norm1_);
  add_module("attention", attention_);
  if (feedforward_) {
    add_module("norm2", norm2_.emplace(LayerNormOptions{.width = options.width, .epsilon = options.epsilon}));
    add_module("feedforward", *feedforward_);
  }
  add_module("dropout", dropout_);
}

Variable Block::forward(const Variable& x, const Sequences& sequences) const {
  const auto fed = [&](const Variable& a) {
    const Variable y = feedforward_->forward(a);
    if (y.shape() == a.shape()) return dropout_(y);
    throw ShapeError(fmt::format("Block: the feedforward layer turns {} into {}, where it must keep the shape",
                                 a.shape().to_string(), y.shape().to_string()));
  };
  if (options_.norm == NormPlace::before) {
    const Variable a = x + dropout_(attention_(norm1_(x), sequences));
    return feedforward_ ? a + fed((*norm2_)(a)) : a;
  }
  const Variable a = norm1_(x + dropout_(attention_(x, sequences)));
  return feedforward_ ? (*norm2_)(a + fed(a)) : a;
}

Architecture Block::architecture() const {
  Architecture described = attention_.architecture();  // its options are the block's as well
  described.name = "block";
  if (const auto dropout = described.options.extract("dropout")) {
    described.options.emplace("attention_dropout", dropout.mapped());
  }
  if (options_.dropout > 0.f) described.options.emplace("dropout", fmt::to_string(options_.dropout));
  described.options.emplace("norm", options_.norm == NormPlace::before ? "before" : "behind");
  described.options.emplace("epsilon", fmt::to_string(options_.epsilon));
  if (feedforward_) described.layers.push_back(feedforward_->architecture());
  return described;
}

}  // namespace canopy::nn
