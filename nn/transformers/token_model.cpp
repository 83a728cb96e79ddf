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

MaskedTokenHead::MaskedTokenHead(const Variable& word_vectors, const MaskedTokenHeadOptions& options)
    : word_vectors_(word_vectors) {
  if (word_vectors.shape().rank() != 2) {
    throw ShapeError(fmt::format("MaskedTokenHead: word vectors {} where [vocabulary, width] is needed",
                                 word_vectors.shape().to_string()));
  }
  const std::int64_t vocabulary = word_vectors.extent(0), width = word_vectors.extent(1);
  if (options.transform) {
    dense_.emplace(LinearOptions{.inputs = width, .outputs = width, .activation = options.activation});
    norm_.emplace(LayerNormOptions{.width = width, .epsilon = options.epsilon});
    add_module("dense", *dense_);
    add_module("norm", *norm_);
  }
  if (options.bias) bias_ = add_parameter("bias", Tensor::zeros({vocabulary}));
}

Variable MaskedTokenHead::operator()(const Variable& hidden) const {
  const Variable read = dense_ ? (*norm_)((*dense_)(hidden)) : hidden;
  return linear(read, word_vectors_, bias_);
}

Variable MaskedTokenHead::operator()(const Variable& hidden, const Indices& rows) const {
  return (*this)(embedding(hidden, rows));
}

}  // namespace canopy::nn
