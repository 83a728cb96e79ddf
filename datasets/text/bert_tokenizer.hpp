// BERT's tokenizer: text to ids and back.
//
//   const BertTokenizer tokenizer = load_tokenizer("bert-base-uncased");
//   const Encoding encoding = tokenizer.encode("The capital of France is [MASK].");
//   const Encoding pair = tokenizer.encode("A man sleeps.", "Someone is asleep.", 128);
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/datasets/text/basic_tokenizer.hpp>
#include <canopy/datasets/text/special_tokens.hpp>
#include <canopy/datasets/text/tokenizer_options.hpp>
#include <canopy/datasets/text/vocabulary.hpp>
#include <canopy/datasets/text/word_pieces.hpp>

namespace canopy {

/// What a model reads: of each token its id, and the part that it belongs to.
struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> types;  ///< 0 up to the first [SEP], 1 after it

  bool operator==(const Encoding&) const = default;
};

/// Devlin et al., "BERT" (2018), https://arxiv.org/abs/1810.04805: BasicTokenizer, then WordPieces. The names of
/// special tokens, written as they are, stand for these tokens. Bytes that are no UTF-8 vanish without ending a word.
///
/// Two tokenizers are published, and differ; this one gives the ids of the fast one (the package `tokenizers`):
/// - a capital sigma at the end of a word becomes the sigma of its middle, since each code point is lowered by itself;
/// - characters that came after Unicode 8, or are none, are letters: not deleted, no accents, no punctuation;
/// - U+2B820 to U+2B91F are no ideographs;
/// - a special token is looked for before the clean-up: a name with a control inside is not one;
/// - without stripping of accents, text stays as it is composed;
/// - `longest_first` gives an odd token to the second of two equally long texts;
/// - a second text that is empty is still one, with its [SEP].
///
/// May be used by many threads at once.
class BertTokenizer {
 public:
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

  /// Throws DataError for a vocabulary without the five special tokens.
  explicit BertTokenizer(Vocabulary vocabulary, const TokenizerOptions& options = {});

  /// [CLS] text [SEP], cut to `max_length` tokens. Throws ConfigError for fewer than 2.
  Encoding encode(std::string_view text, std::int64_t max_length = unlimited) const;
  /// [CLS] text [SEP] pair [SEP], cut to `max_length` tokens, the longer text first. Throws ConfigError for fewer than
  /// 3.
  Encoding encode(std::string_view text, std::string_view pair, std::int64_t max_length = unlimited) const;
  /// Adds the ids of a text, without [CLS] and [SEP].
  void append(std::string_view text, std::vector<std::int32_t>& ids) const;

  /// The text of ids: tokens with spaces between, "##" joined to what is before, [PAD], [CLS] and [SEP] left out. What
  /// the tokenizer changed stays changed. Throws Error for ids that are none.
  std::string decode(std::span<const std::int32_t> ids) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const SpecialTokens& special() const { return special_; }
  const TokenizerOptions& options() const { return options_; }

 private:
  void append_words(std::string_view text, std::vector<std::int32_t>& ids) const;

  Vocabulary vocabulary_;
  TokenizerOptions options_;
  SpecialTokens special_;
  datasets::BasicTokenizer basic_;
  datasets::WordPieces pieces_;
};

/// A tokenizer by its vocab.txt, or by a folder of Hugging Face's with that file in it and the options that its
/// settings name: see read_tokenizer_options. Throws DataError, naming file and line.
BertTokenizer load_tokenizer(const std::filesystem::path& path);
/// With these options, whatever the folder says.
BertTokenizer load_tokenizer(const std::filesystem::path& path, const TokenizerOptions& options);

}  // namespace canopy
