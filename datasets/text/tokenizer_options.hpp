// How a BERT tokenizer treats letters.
#pragma once

#include <filesystem>
#include <optional>

namespace canopy {

struct TokenizerOptions {
  bool cased = false;  ///< whether upper-case letters stay
  /// Whether accents are taken off letters ("é" is "e"); without a word on it, where letters are lowered.
  std::optional<bool> strip_accents = std::nullopt;
  bool split_ideographs = true;  ///< whether each Chinese character is a word

  bool strips_accents() const { return strip_accents.value_or(!cased); }
};

/// The options that a folder of Hugging Face's names: `do_lower_case`, `strip_accents`, `tokenize_chinese_chars` of
/// tokenizer_config.json; what that file does not say, by `normalizer` of tokenizer.json; what neither says, or where
/// neither is, the defaults. Throws DataError, with file and field, for a file that is damaged, a field of another
/// kind, a model that is no WordPiece, a normalizer that is not BERT's.
TokenizerOptions read_tokenizer_options(const std::filesystem::path& folder);

}  // namespace canopy
