// A BERT that reads text: a folder of Hugging Face's with its tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <canopy/datasets/text/bert_tokenizer.hpp>
#include <canopy/nn/transformers/bert.hpp>

namespace canopy::language {

struct BertText {
  std::unique_ptr<nn::Bert> model;
  BertTokenizer tokenizer;
};

/// Model and tokenizer of a folder. Throws CheckpointError and DataError as load_bert and load_tokenizer, and where the
/// vocabulary has more tokens than the model has vectors.
BertText load_bert_text(const std::filesystem::path& folder);

/// Texts, or pairs of them, as the model reads them: cut to `max_length` tokens, by default 128 or, if that is less,
/// what the model has positions for. `second` is empty or as long as `first`. Throws ConfigError for a length beyond
/// these.
std::vector<Encoding> encode(const BertText& bert, std::span<const std::string> first,
                             std::span<const std::string> second, std::optional<std::int64_t> max_length = {});

/// Calls `read(indices, tokens, hidden)` for batches of encodings of about the same length, without padding: `indices`
/// says which they are, hidden [rows, hidden_size] what the model makes of them. Records nothing.
using ReadBatch =
    std::function<void(std::span<const std::size_t> indices, const nn::Tokens& tokens, const Tensor& hidden)>;
void for_each_batch(const BertText& bert, std::span<const Encoding> encodings, const ReadBatch& read);

/// The mean over each text's tokens of what the last block gives, divided by its Euclidean norm unless `unit` is false:
/// [texts, hidden_size] (Reimers and Gurevych 2019).
Tensor sentence_embeddings(const BertText& bert, std::span<const Encoding> texts, bool unit = true);

/// What the model would put in place of a [MASK].
struct Guess {
  std::int32_t id;
  std::string token;
  double probability;
};
/// The `count` likeliest for each [MASK] of a text, likeliest first. Throws ConfigError for a text without one and a
/// model without a head for it.
std::vector<std::vector<Guess>> fill_mask(const BertText& bert, const std::string& text, std::int64_t count);

}  // namespace canopy::language
