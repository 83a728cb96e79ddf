// Models of text: an encoder over token embeddings, and what is read from it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <canopy/core/activation.hpp>
#include <canopy/nn/linear.hpp>
#include <canopy/nn/transformers/encoder.hpp>
#include <canopy/nn/transformers/token_embeddings.hpp>

namespace canopy::nn {

struct TokenModelOptions {
  TokenEmbeddingsOptions embeddings = {};
  EncoderOptions encoder = {};
};

/// Tokens -> [rows, width]: BERT, crammedBERT, with causal blocks GPT. Submodules "embeddings" and "encoder".
class TokenModel : public Module {
 public:
  /// Throws ConfigError as its parts do.
  TokenModel(const TokenModelOptions& options, const MakeFeedForward& feedforward);

  Variable operator()(const Tokens& tokens) const;
  /// The embeddings, what each block gives and, if there is one, what the final norm makes of it.
  std::vector<Variable> hidden(const Tokens& tokens) const;

  std::int64_t width() const { return options_.embeddings.width; }
  const TokenModelOptions& options() const { return options_; }
  /// [vocabulary, width]: what a tied decoder reads.
  const Variable& word_vectors() const { return embeddings_.word().weight(); }
  Encoder& encoder() { return encoder_; }

 private:
  TokenModelOptions options_;
  TokenEmbeddings embeddings_;
  Encoder encoder_;
};

/// The first row of each sequence: of BERT that of [CLS]. hidden [rows, width] -> [sequences, width]. Throws ShapeError
/// for a sequence without rows.
Variable first_tokens(const Variable& hidden, const Sequences& sequences);

struct PoolerOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
};

/// tanh(W x + b) of each sequence's first row: hidden [rows, inputs] -> [sequences, outputs]. Submodule "dense".
class Pooler : public Module {
 public:
  explicit Pooler(const PoolerOptions& options);
  Variable operator()(const Variable& hidden, const Sequences& sequences) const;

 private:
  Linear dense_;
};

struct MaskedTokenHeadOptions {
  bool transform = true;  ///< a dense layer, its activation and a norm before the decoder (BERT; not crammedBERT)
  Activation activation = Activation::gelu;
  float epsilon = 1e-12f;
  bool bias = true;  ///< of the decoder
};

/// Logits over the vocabulary: decoder(norm(f(dense(h)))), whose decoder is the model's table of word vectors
/// [vocabulary, width]. Submodules "dense" and "norm", parameter "bias" [vocabulary]; the table stays the model's own,
/// under its name there.
class MaskedTokenHead : public Module {
 public:
  /// `word_vectors` as TokenModel::word_vectors(). Throws ShapeError unless it is a matrix, ConfigError as its parts.
  MaskedTokenHead(const Variable& word_vectors, const MaskedTokenHeadOptions& options);

  /// Of all rows: hidden [rows, width] -> [rows, vocabulary].
  Variable operator()(const Variable& hidden) const;
  /// Of some rows alone (sparse prediction): -> [number of rows, vocabulary].
  Variable operator()(const Variable& hidden, const Indices& rows) const;

 private:
  Variable word_vectors_;
  std::optional<Linear> dense_;
  std::optional<LayerNorm> norm_;
  Variable bias_;
};

}  // namespace canopy::nn
