// The first half of BERT's tokenizer: text becomes normalised words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/datasets/text/tokenizer_options.hpp>

namespace canopy::datasets {

/// Words one after the other, in UTF-8.
struct Words {
  std::string text;
  std::vector<std::size_t> ends;  ///< of each word in `text`, where the next one begins

  std::size_t size() const { return ends.size(); }
  std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(text).substr(begin, ends[i] - begin);
  }
};

/// In this order: controls and ill-formed UTF-8 vanish without ending a word, white space becomes spaces, ideographs
/// get spaces around them; if accents are stripped, the text is decomposed (NFD) and loses its marks (Mn); unless
/// cased, each code point is lowered by itself. Then words end at spaces, and every punctuation character is a word.
class BasicTokenizer {
 public:
  explicit BasicTokenizer(const TokenizerOptions& options);
  Words words(std::string_view text) const;

 private:
  enum class Kind : std::uint8_t { letter, space, punctuation, control };
  struct Ascii {
    Kind kind;
    char text;  ///< lowered unless cased
  };
  class Writer;

  TokenizerOptions options_;
  std::array<Ascii, 128> ascii_;
};

}  // namespace canopy::datasets
