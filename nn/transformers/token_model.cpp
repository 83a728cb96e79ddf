#include <canopy/nn/transformers/token_model.hpp>

#include <canopy/autograd/embedding.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {

TokenModel::TokenModel(const TokenModelOptions& options, const MakeFeedForward& feedforward)
    : options_(options), embeddings_(options.embeddings), encoder_(options.encoder, feedforward) {
  add_module("embeddings", embeddings_);
  add_module("encoder", encoder_);
}

Variable TokenModel::operator()(const Tokens& tokens) const { return encoder_(embeddings_(tokens), tokens.sequences); }

std::vector<Variable> TokenModel::hidden(const Tokens& tokens) const {
  return encoder_.hidden(embeddings_(tokens), tokens.sequences);
}

Variable first_tokens(const Variable& hidden, const Sequences& sequences) {
  Indices rows({sequences.count()});
  for (std::int64_t s = 0; s < sequences.count(); ++s) {
    if (sequences.tokens(s) == 0) throw ShapeError(fmt::format("first_tokens: sequence {} has no rows", s));
    rows.mutable_data()[s] = static_cast<std::int32_t>(sequences.begin(s));
  }
  return embedding(hidden, rows);
}

Pooler::Pooler(const PoolerOptions& options)
    : dense_({.inputs = options.inputs, .outputs = options.outputs, .activation = Activation::tanh}) {
  add_module("dense", dense_);
}

Variable Pooler::operator()(const Variable& hidden, const Sequences& sequences) const {
  return dense_(first_tokens(hidden, sequences));
}

MaskedTokenHead::MaskedTokenHead(const TokenModel& model, const MaskedTokenHeadOptions& options) : model_(model) {
  if (options.transform) {
    dense_.emplace(LinearOptions{.inputs = model.width(), .outputs = model.width(), .activation = options.activation});
    norm_.emplace(LayerNormOptions{.width = model.width(), .epsilon = options.epsilon});
    add_module("dense", *dense_);
    add_module("norm", *norm_);
  }
  if (options.bias) bias_ = add_parameter("bias", Tensor::zeros({model.word_vectors().extent(0)}));
}

Variable MaskedTokenHead::operator()(const Variable& hidden) const {
  const Variable read = dense_ ? (*norm_)((*dense_)(hidden)) : hidden;
  return linear(read, model_.word_vectors(), bias_);
}

Variable MaskedTokenHead::operator()(const Variable& hidden, const Indices& rows) const {
  return (*this)(embedding(hidden, rows));
}

}  // namespace canopy::nn
