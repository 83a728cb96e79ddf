#include <canopy/experiments/language/bert_text.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <canopy/autograd/sequence_mean.hpp>
#include <canopy/autograd/softmax.hpp>
#include <canopy/autograd/tape.hpp>
#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::language {
namespace {

constexpr std::int64_t tokens_a_batch = 4096;

Indices to_indices(const std::vector<std::int32_t>& numbers) {
  return {Shape{static_cast<std::int64_t>(numbers.size())}, numbers};
}

// The encodings of these indices, one after another.
nn::Tokens packed(std::span<const Encoding> encodings, std::span<const std::size_t> indices) {
  std::vector<std::int32_t> ids, types;
  std::vector<std::int64_t> lengths;
  for (const std::size_t i : indices) {
    ids.insert(ids.end(), encodings[i].ids.begin(), encodings[i].ids.end());
    types.insert(types.end(), encodings[i].types.begin(), encodings[i].types.end());
    lengths.push_back(std::ssize(encodings[i].ids));
  }
  return nn::Tokens::packed(to_indices(ids), Sequences::packed(lengths), to_indices(types));
}

}  // namespace

BertText load_bert_text(const std::filesystem::path& folder) {
  BertText bert{nn::load_bert(folder), load_tokenizer(folder)};
  const std::int64_t words = bert.tokenizer.vocabulary().size(), vectors = bert.model->config().vocab_size;
  if (words > vectors) {
    throw CheckpointError(
        fmt::format("{}: the vocabulary has {} tokens, the model vectors for {}", folder.string(), words, vectors));
  }
  return bert;
}

std::vector<Encoding> encode(const BertText& bert, std::span<const std::string> first,
                             std::span<const std::string> second, std::optional<std::int64_t> max_length) {
  const std::int64_t positions = bert.model->config().max_position_embeddings;
  const std::int64_t length = max_length.value_or(std::min<std::int64_t>(128, positions));
  if (length > positions) {
    throw ConfigError(fmt::format("the model has positions for {} tokens, not for {}", positions, length));
  }
  std::vector<Encoding> encodings;
  for (std::size_t i = 0; i < first.size(); ++i) {
    encodings.push_back(second.empty() ? bert.tokenizer.encode(first[i], length)
                                       : bert.tokenizer.encode(first[i], second[i], length));
  }
  return encodings;
}

void for_each_batch(const BertText& bert, std::span<const Encoding> encodings, const ReadBatch& read) {
  std::vector<std::size_t> order(encodings.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return encodings[i].ids.size(); });
  const NoRecord pause;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    std::int64_t tokens = 0;
    do {
      tokens += std::ssize(encodings[order[end++]].ids);
    } while (end < order.size() && tokens < tokens_a_batch);
    const std::span<const std::size_t> indices(&order[begin], end - begin);
    const nn::Tokens batch = packed(encodings, indices);
    read(indices, batch, (*bert.model)(batch).value());
    begin = end;
  }
}

Tensor sentence_embeddings(const BertText& bert, std::span<const Encoding> texts, bool unit) {
  const std::int64_t width = bert.model->config().hidden_size;
  Tensor embeddings({std::ssize(texts), width});
  float* out = embeddings.mutable_data();
  for_each_batch(bert, texts,
                 [&](std::span<const std::size_t> indices, const nn::Tokens& tokens, const Tensor& hidden) {
                   const Tensor means = sequence_mean(hidden, tokens.sequences).value();
                   for (std::size_t i = 0; i < indices.size(); ++i) {
                     const std::span<const float> mean =
                         means.elements().subspan(i * static_cast<std::size_t>(width), static_cast<std::size_t>(width));
                     double squares = 0;
                     for (const float v : mean) squares += double{v} * v;
                     const double norm = unit && squares > 0 ? std::sqrt(squares) : 1.;
                     std::ranges::transform(mean, out + static_cast<std::int64_t>(indices[i]) * width,
                                            [&](float v) { return static_cast<float>(v / norm); });
                   }
                 });
  return embeddings;
}

std::vector<std::vector<Guess>> fill_mask(const BertText& bert, const std::string& text, std::int64_t count) {
  const nn::MaskedTokenHead* head = bert.model->masked_tokens();
  if (head == nullptr) throw ConfigError("the model has no head that predicts masked tokens (cls.predictions)");
  const Encoding encoding = bert.tokenizer.encode(text, bert.model->config().max_position_embeddings);
  std::vector<std::int32_t> rows;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    if (encoding.ids[i] == bert.tokenizer.special().mask) rows.push_back(static_cast<std::int32_t>(i));
  }
  if (rows.empty()) throw ConfigError(fmt::format("the text has no [MASK] that the model could fill: '{}'", text));

  std::vector<std::vector<Guess>> guesses;
  const std::vector<Encoding> one{encoding};
  for_each_batch(bert, one, [&](std::span<const std::size_t>, const nn::Tokens&, const Tensor& hidden) {
    const Tensor probabilities = softmax((*head)(hidden, to_indices(rows))).value();
    // The model may have vectors for more tokens than the vocabulary names.
    const std::int64_t vectors = probabilities.extent(1);
    const std::int64_t words = std::min(vectors, bert.tokenizer.vocabulary().size());
    std::vector<std::int32_t> ids(static_cast<std::size_t>(words));
    const auto best = static_cast<std::ptrdiff_t>(std::min(count, words));
    for (std::size_t mask = 0; mask < rows.size(); ++mask) {
      const float* of_mask = probabilities.data() + static_cast<std::int64_t>(mask) * vectors;
      std::iota(ids.begin(), ids.end(), 0);
      std::ranges::partial_sort(ids, ids.begin() + best, std::ranges::greater(),
                                [&](std::int32_t id) { return of_mask[id]; });
      std::vector<Guess>& likeliest = guesses.emplace_back();
      for (std::ptrdiff_t i = 0; i < best; ++i) {
        const std::int32_t id = ids[static_cast<std::size_t>(i)];
        likeliest.push_back({id, std::string(bert.tokenizer.vocabulary().token(id)), double{of_mask[id]}});
      }
    }
  });
  return guesses;
}

}  // namespace canopy::language
