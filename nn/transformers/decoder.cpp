#include <canopy/nn/transformers/decoder.hpp>

#include <algorithm>

#include <canopy/autograd/embedding.hpp>
#include <canopy/autograd/linear.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

TokenModelOptions model_options(const DecoderOptions& options) {
  if (options.positions < 1) throw ConfigError(fmt::format("Decoder: {} positions", options.positions));
  return {.embeddings = {.vocabulary = options.vocabulary,
                         .width = options.width,
                         .positions = options.positions,
                         .norm = false,
                         .dropout = options.dropout},
          .encoder = {.blocks = options.blocks,
                      .block = {.width = options.width,
                                .heads = options.heads,
                                .norm = NormPlace::before,
                                .causal = true,
                                .dropout = options.dropout},
                      .final_norm = true,
                      .recompute = options.recompute}};
}

}  // namespace

Decoder::Decoder(const DecoderOptions& options, const MakeFeedForward& feedforward)
    : options_(options), model_(model_options(options), feedforward) {
  add_module("model", model_);
}

Variable Decoder::operator()(const Tokens& tokens) const { return linear(model_(tokens), model_.word_vectors(), {}); }

Variable Decoder::operator()(const Tokens& tokens, const Indices& rows) const {
  return linear(embedding(model_(tokens), rows), model_.word_vectors(), {});
}

NextTokens next_tokens(const Tokens& tokens) {
  std::vector<std::int32_t> rows, labels;
  for (std::int64_t s = 0; s < tokens.sequences.count(); ++s) {
    for (std::int64_t row = tokens.sequences.begin(s); row + 1 < tokens.sequences.end(s); ++row) {
      rows.push_back(static_cast<std::int32_t>(row));
      labels.push_back(tokens.ids.data()[row + 1]);
    }
  }
  const Shape shape{std::ssize(rows)};
  return {Indices(shape, rows), Indices(shape, labels)};
}

std::vector<std::int32_t> generate(const Decoder& decoder, std::span<const std::int32_t> prompt,
                                   const GenerationOptions& options, RandomStream& random,
                                   const std::function<bool(std::int32_t)>& each) {
  if (decoder.is_training()) throw Error("generate: the decoder is in training mode; call eval() first");
  if (prompt.empty()) throw ShapeError("generate: the prompt is empty");
  const NoRecord pause;
  std::vector<std::int32_t> text(prompt.begin(), prompt.end());
  for (std::int64_t drawn = 0; drawn < options.most; ++drawn) {
    const std::int64_t seen = std::min(std::ssize(text), decoder.options().positions);
    const Indices ids({seen}, std::span(text).last(static_cast<std::size_t>(seen)));
    const Tokens tokens = Tokens::packed(ids, Sequences::equal(1, seen));
    const Tensor logits = decoder(tokens, Indices({1}, static_cast<std::int32_t>(seen - 1))).value();
    const std::int32_t next = sample(logits.elements(), options.sampling, random);
    text.push_back(next);
    if ((each && !each(next)) || next == options.stop) break;
  }
  return {text.begin() + std::ssize(prompt), text.end()};
}

}  // namespace canopy::nn
