// Vectors for tokens, from what they are and where they stand.
#pragma once

#include <cstdint>
#include <optional>

#include <canopy/nn/dropout.hpp>
#include <canopy/nn/embedding.hpp>
#include <canopy/nn/layer_norm.hpp>
#include <canopy/nn/transformers/tokens.hpp>

namespace canopy::nn {

struct TokenEmbeddingsOptions {
  std::int64_t vocabulary = 0;
  std::int64_t width = 0;
  /// Positions with a learned vector each; 0 for sinusoids of any position with a learned scale (paper 2).
  std::int64_t positions = 0;
  std::int64_t types = 0;  ///< kinds of texts with a learned vector each; 0: types are not read
  std::optional<std::int32_t> padding = {};
  bool norm = true;         ///< of the sum
  float epsilon = 1e-12f;   ///< of the norm
  float dropout = 0.f;      ///< of the result, in training
  float deviation = 0.02f;  ///< of the initial vectors
};

/// Row i is norm(word[id_i] + position[position_i] + type[type_i]): Devlin et al. 2018; with sinusoids the position is
/// scale (sin(p / 10000^(2j / width)), cos(the same)) in columns 2j and 2j + 1, whose scale starts at 1 / sqrt(width)
/// (paper 2's crammedBERT). Submodules "word", "position", "type", "norm"; the scale is "position.scale_factor".
class TokenEmbeddings : public Module {
 public:
  /// Throws ConfigError for sizes below 1 and as Embedding, LayerNorm and Dropout.
  explicit TokenEmbeddings(const TokenEmbeddingsOptions& options);

  /// [rows, width]. Throws ShapeError for ids, positions or types outside of their tables.
  Variable operator()(const Tokens& tokens) const;

  const TokenEmbeddingsOptions& options() const { return options_; }
  const Embedding& word() const { return word_; }

 private:
  Variable positions(const Indices& positions) const;

  TokenEmbeddingsOptions options_;
  Embedding word_;
  std::optional<Embedding> position_;
  Parameters sinusoids_;
  Variable scale_;
  std::optional<Embedding> type_;
  std::optional<LayerNorm> norm_;
  Dropout dropout_;
};

}  // namespace canopy::nn
