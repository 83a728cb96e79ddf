// The words of a corpus, as BERT's tokenizer sees them, and how often each comes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <canopy/datasets/text/corpus/corpus.hpp>
#include <canopy/datasets/text/tokenizer_options.hpp>

namespace canopy::datasets {

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};

/// In no order.
using WordCounts = std::unordered_map<std::string, std::int64_t, TextHash, std::equal_to<>>;

/// Is told, every now and then, how many bytes of text are read.
using OnText = std::function<void(std::int64_t bytes)>;

/// The words of BasicTokenizer that a WordPiece tokenizer cuts, which are not longer than 100 characters. Memory grows
/// with the number of different words, not with the text. The same for any number of threads. Throws DataError as
/// CorpusReader does.
WordCounts count_words(CorpusReader corpus, const TokenizerOptions& options, const OnText& on_text = {});

}  // namespace canopy::datasets
