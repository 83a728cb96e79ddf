// A small causal model of text in the style of GPT.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <canopy/core/random.hpp>
#include <canopy/nn/transformers/sampling.hpp>
#include <canopy/nn/transformers/token_model.hpp>

namespace canopy::nn {

struct DecoderOptions {
  std::int64_t vocabulary = 0;
  std::int64_t positions = 0;  ///< the longest text that it can see
  std::int64_t width = 0;
  std::int64_t heads = 1;
  std::int64_t blocks = 0;
  float dropout = 0.f;  ///< of the embeddings and of what each layer adds, in training
  bool recompute = false;
};

/// Radford et al. 2019: learned positions, blocks with the norm before each part, a token sees itself and those before
/// it, a final norm; the logits of the token that comes next are products with the vectors of all words. Submodule
/// "model".
class Decoder : public Module {
 public:
  /// Throws ConfigError as its parts do.
  Decoder(const DecoderOptions& options, const MakeFeedForward& feedforward);

  /// The logits behind each token: [rows, vocabulary].
  Variable operator()(const Tokens& tokens) const;
  /// Behind some tokens alone: [number of rows, vocabulary].
  Variable operator()(const Tokens& tokens, const Indices& rows) const;

  const DecoderOptions& options() const { return options_; }
  Encoder& encoder() { return model_.encoder(); }

 private:
  DecoderOptions options_;
  TokenModel model_;
};

/// What a decoder learns from sequences: the rows that have a token behind them in their sequence, and those tokens.
struct NextTokens {
  Indices rows;
  Indices labels;
};
NextTokens next_tokens(const Tokens& tokens);

struct GenerationOptions {
  std::int64_t most = 100;                ///< tokens
  std::optional<std::int32_t> stop = {};  ///< ends the text, and is its last token
  SamplingOptions sampling = {};
};

/// `prompt` goes on: the new tokens, drawn one by one from what the last `positions` tokens make likely, of a decoder
/// in evaluation mode. `each` is told of a token once it is drawn, and ends the text with false. Throws Error in
/// training mode, ShapeError for an empty prompt or an id outside of the vocabulary, and as `sample`.
std::vector<std::int32_t> generate(const Decoder& decoder, std::span<const std::int32_t> prompt,
                                   const GenerationOptions& options, RandomStream& random,
                                   const std::function<bool(std::int32_t)>& each = {});

}  // namespace canopy::nn
