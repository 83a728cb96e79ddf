// BERT's tokenizer as it is defined, a stage over the whole text after the other: the twin of the fast one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <canopy/datasets/text/characters.hpp>
#include <canopy/datasets/text/tokenizer_options.hpp>
#include <canopy/datasets/text/vocabulary.hpp>

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "support/random_case.hpp"

namespace canopy::test {

inline std::string utf8(std::u32string_view text) {
  std::string bytes;
  icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()), static_cast<std::int32_t>(text.size()))
      .toUTF8String(bytes);
  return bytes;
}

/// The code points of a text; U+FFFD for each byte that no code point can be read from (RFC 3629).
inline std::u32string code_points(std::string_view text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const std::size_t length = byte(i) < 0x80 ? 1 : byte(i) < 0xe0 ? 2 : byte(i) < 0xf0 ? 3 : 4;
    bool good = (byte(i) < 0x80 || byte(i) >= 0xc0) && byte(i) < 0xf8 && i + length <= text.size();
    char32_t c = length == 1 ? byte(i) : byte(i) & (0xffu >> (length + 1));
    for (std::size_t k = 1; good && k < length; ++k) {
      good = (byte(i + k) & 0xc0) == 0x80;
      c = c << 6 | (byte(i + k) & 0x3fu);
    }
    constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    good = good && c >= least[length] && c < 0x110000 && (c < 0xd800 || c >= 0xe000);
    result += good ? c : U'\xfffd';
    i += good ? length : 1;
  }
  return result;
}

inline std::u32string cleaned(const std::u32string& text) {
  std::u32string result;
  for (const char32_t c : text) {
    if (!datasets::is_control(c)) result += datasets::is_space(c) ? U' ' : c;
  }
  return result;
}

inline std::u32string with_ideographs_apart(const std::u32string& text) {
  std::u32string result;
  for (const char32_t c : text) {
    if (datasets::is_ideograph(c)) {
      result += {U' ', c, U' '};
    } else {
      result += c;
    }
  }
  return result;
}

inline std::u32string without_accents(const std::u32string& text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString decomposed =
      icu::Normalizer2::getNFDInstance(status)->normalize(icu::UnicodeString::fromUTF8(utf8(text)), status);
  std::u32string result;
  for (std::int32_t i = 0; i < decomposed.length(); i = decomposed.moveIndex32(i, 1)) {
    const auto c = static_cast<char32_t>(decomposed.char32At(i));
    if (!datasets::is_accent(c)) result += c;
  }
  return result;
}

inline std::u32string lowered(const std::u32string& text) {
  std::u32string result;
  for (const char32_t c : text) {
    if (c == U'\x130') {
      result += U"i\x307";
    } else {
      result += static_cast<char32_t>(u_tolower(static_cast<UChar32>(c)));
    }
  }
  return result;
}

inline std::vector<std::u32string> words_of(const std::u32string& text) {
  std::vector<std::u32string> words(1);
  for (const char32_t c : text) {
    if (c == U' ') {
      words.emplace_back();
    } else if (datasets::is_punctuation(c)) {
      words.push_back({c});
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  std::erase(words, std::u32string());
  return words;
}

inline std::vector<std::int32_t> pieces_of(const std::u32string& word, const Vocabulary& vocabulary) {
  const std::vector<std::int32_t> unknown = {vocabulary.id("[UNK]")};
  if (word.size() > 100) return unknown;
  std::vector<std::int32_t> ids;
  for (std::size_t begin = 0; begin < word.size();) {
    std::size_t length = word.size() - begin;
    std::optional<std::int32_t> id;
    for (; length > 0; --length) {
      id = vocabulary.find((begin > 0 ? "##" : "") + utf8(std::u32string_view(word).substr(begin, length)));
      if (id) break;
    }
    if (!id) return unknown;
    ids.push_back(*id);
    begin += length;
  }
  return ids;
}

inline std::vector<std::int32_t> naive_ids(std::string_view bytes, const Vocabulary& vocabulary,
                                           const TokenizerOptions& options) {
  std::vector<std::int32_t> ids;
  const auto add = [&](const std::u32string& part) {
    std::u32string text = cleaned(part);
    if (options.split_ideographs) text = with_ideographs_apart(text);
    if (options.strips_accents()) text = without_accents(text);
    if (!options.cased) text = lowered(text);
    for (const std::u32string& word : words_of(text)) {
      for (const std::int32_t id : pieces_of(word, vocabulary)) ids.push_back(id);
    }
  };
  const std::u32string text = code_points(bytes);
  std::u32string part;
  for (std::size_t i = 0; i < text.size();) {
    std::u32string_view special;
    for (const std::u32string_view name : {U"[PAD]", U"[UNK]", U"[CLS]", U"[SEP]", U"[MASK]"}) {
      if (std::u32string_view(text).substr(i).starts_with(name)) special = name;
    }
    if (special.empty()) {
      part += text[i++];
      continue;
    }
    add(part);
    part.clear();
    ids.push_back(vocabulary.id(utf8(special)));
    i += special.size();
  }
  add(part);
  return ids;
}

/// A mixture of letters, marks, spaces, punctuation, special tokens, any code points and any bytes.
inline std::string random_text(RandomCase& draw) {
  static constexpr const char* common[] = {"a",
                                           "b",
                                           "c",
                                           "abc",
                                           "A",
                                           "B",
                                           "e",
                                           "i",
                                           "I",
                                           " ",
                                           " ",
                                           " ",
                                           "\t",
                                           "\n",
                                           "\r",
                                           ".",
                                           "-",
                                           "#",
                                           "##",
                                           "[",
                                           "]",
                                           "[MASK]",
                                           "[SEP]",
                                           "[mask]",
                                           "[PAD",
                                           "1",
                                           "n",
                                           "x",
                                           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                                           "unaffable",
                                           "é",
                                           "É",
                                           "e\xcc\x81",
                                           "\xcc\x81",
                                           "\xcc\x87\xcc\xa3",
                                           "\xcc\xa3",
                                           "İ",
                                           "ı",
                                           "ß",
                                           "ẞ",
                                           "σ",
                                           "Σ",
                                           "ς",
                                           "ǅ",
                                           "ŉ",
                                           "中",
                                           "一",
                                           "\xf0\xab\xa0\xa0",
                                           "\xf0\xab\xa4\xa0",
                                           "か",
                                           "が",
                                           "가",
                                           "한",
                                           "각",
                                           "\xef\xa4\x80",
                                           "Å",
                                           "K",
                                           "\xe2\x80\x80",
                                           "\xc2\xa0",
                                           "\xe2\x80\x8b",
                                           "\xc2\xad",
                                           "\xe2\x80\xa8",
                                           "\xe3\x80\x80",
                                           "\x01",
                                           "\x7f",
                                           "\xef\xbb\xbf",
                                           "\xef\xbf\xbd",
                                           "\xef\xbf\xbf",
                                           "\xe2\x80\x94",
                                           "\xe2\x80\x9c",
                                           "\xe1\xbf\xaf",
                                           "\xcd\xbe",
                                           "\xf0\x9f\x98\x80",
                                           "\xe3\x80\xae",
                                           "\xf0\x9d\x85\xa0",
                                           "\xe1\xaa\xbf",
                                           "\xd9\x90\xd9\x91",
                                           "\xff",
                                           "\xc3",
                                           "\xe4\xb8",
                                           "\xed\xa0\x80",
                                           "\xc0\xaf",
                                           "\xf4\x90\x80\x80"};
  std::string text;
  const std::int64_t parts = draw.between("parts", 0, 40);
  for (std::int64_t i = 0; i < parts; ++i) {
    const std::uint64_t drawn = draw.stream()();
    const std::uint64_t kind = draw.stream()() % 16;
    if (kind == 0) {
      char32_t c = static_cast<char32_t>(drawn % (drawn & 1u << 31 ? 0x110000u : 0x3000u));
      if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
      text += utf8(std::u32string(1, c));
    } else if (kind == 1) {
      text += static_cast<char>(drawn);
    } else {
      text += common[drawn % std::size(common)];
    }
  }
  return text;
}

}  // namespace canopy::test
