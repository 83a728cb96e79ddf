// The second half of BERT's tokenizer: words become tokens of the vocabulary (WordPiece).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <canopy/datasets/text/vocabulary.hpp>

namespace canopy::datasets {

/// Cuts words into the longest tokens, from the left; all but the first of a word are written with "##" in front in the
/// vocabulary. Wu et al., "Google's Neural Machine Translation System" (2016), https://arxiv.org/abs/1609.08144, as
/// BERT uses it.
class WordPieces {
 public:
  static constexpr std::string_view continued = "##";  ///< in front of what is not the beginning of a word

  /// Whether a word, which is UTF-8, is cut at all: not if it is longer than 100 code points.
  static bool can_cut(std::string_view word);

  /// `unknown`: the id of a word that cannot be cut into tokens. Throws DataError for tokens of more than 2^24 bytes
  /// together.
  WordPieces(const Vocabulary& vocabulary, std::int32_t unknown);

  /// Adds the ids of a word: `unknown` alone for one that is too long or cannot be cut into tokens.
  void append(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  using Node = std::uint32_t;

  std::size_t slot_of(std::uint64_t edge) const;
  Node child(Node node, char byte) const;
  Node add_child(Node node, char byte);
  void grow();

  // A trie of the tokens' bytes. Its edges stand in one hash table with linear probing: a slot is parent and byte above
  // the child, 0 where it is empty.
  std::vector<std::uint64_t> slots_;
  std::vector<std::int32_t> ids_;  // of the token that ends at a node, or -1
  Node continued_ = 0;             // where tokens begin after "##"
  std::int32_t unknown_;
};

}  // namespace canopy::datasets
