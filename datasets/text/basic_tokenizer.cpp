#include <canopy/datasets/text/basic_tokenizer.hpp>

#include <canopy/core/error.hpp>
#include <canopy/datasets/text/characters.hpp>

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

namespace canopy::datasets {
namespace {

constexpr std::uint8_t first_beyond_ascii = 0x80;
constexpr std::size_t most_units = std::size_t{1}
                                   << 28;  // of UTF-16 that are decomposed at once: ICU counts in 32 bits
constexpr char32_t capital_i_with_dot = 0x130, dot_above = 0x307;

void require(UErrorCode status) {
  if (U_FAILURE(status)) throw Error(fmt::format("BertTokenizer: ICU cannot normalise: {}", u_errorName(status)));
}

void decompose(const std::u16string& text, std::u16string& result) {
  if (text.size() > most_units) {
    throw DataError(fmt::format("BertTokenizer: expected a space within {} characters, found none", most_units));
  }
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2* nfd = unorm2_getNFDInstance(&status);
  require(status);
  result.resize(text.size() * 4);  // no unit becomes more (U+1F82)
  const std::int32_t length = unorm2_normalize(nfd, text.data(), static_cast<std::int32_t>(text.size()), result.data(),
                                               static_cast<std::int32_t>(result.size()), &status);
  require(status);
  result.resize(static_cast<std::size_t>(length));
}

}  // namespace

/// Takes clean characters one by one. Those beyond ASCII wait until an ASCII one comes, which no mark is reordered
/// across: what waits can be decomposed by itself.
class BasicTokenizer::Writer {
 public:
  Writer(const TokenizerOptions& options, std::size_t size) : options_(options) {
    words_.text.reserve(size + size / 8);
    words_.ends.reserve(size / 4 + 1);
  }

  void letter(char c) {
    flush();
    words_.text += c;
  }
  void punctuation(char c) {
    space();
    words_.text += c;
    end_word();
  }
  void space() {
    flush();
    end_word();
  }
  void beyond_ascii(char32_t c) {
    if (is_space(c)) return space();
    const bool alone = options_.split_ideographs && is_ideograph(c);
    if (alone) space();
    if (!options_.strips_accents()) {
      lower(c);
    } else if (U_IS_BMP(c)) {
      waiting_ += static_cast<char16_t>(c);
    } else {
      waiting_ += {U16_LEAD(c), U16_TRAIL(c)};
    }
    if (alone) space();
  }
  Words finish() {
    space();
    return std::move(words_);
  }

 private:
  /// Before a character that no mark is reordered across.
  void flush() {
    if (waiting_.empty()) return;
    decompose(waiting_, decomposed_);
    waiting_.clear();
    for (std::size_t i = 0; i < decomposed_.size();) {
      char32_t c = 0;
      U16_NEXT(decomposed_, i, decomposed_.size(), c);
      if (!is_accent(c)) lower(c);
    }
  }
  void end_word() {
    if (words_.text.size() == begin_) return;
    begin_ = words_.text.size();
    words_.ends.push_back(begin_);
  }
  void lower(char32_t c) {
    if (options_.cased) return write(c);
    // The one code point that becomes two whatever stands beside it (Unicode's SpecialCasing).
    if (c == capital_i_with_dot) {
      write('i');
      return write(dot_above);
    }
    write(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
  }
  void write(char32_t c) {
    const bool alone = is_punctuation(c);
    if (alone) end_word();
    std::uint8_t bytes[U8_MAX_LENGTH];
    std::size_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, c);
    words_.text.append(reinterpret_cast<const char*>(bytes), length);
    if (alone) end_word();
  }

  const TokenizerOptions& options_;
  Words words_;
  std::size_t begin_ = 0;  // of the word that is being written
  std::u16string waiting_, decomposed_;
};

BasicTokenizer::BasicTokenizer(const TokenizerOptions& options) : options_(options) {
  for (std::uint8_t c = 0; c < first_beyond_ascii; ++c) {
    const Kind kind = is_control(c)       ? Kind::control
                      : is_space(c)       ? Kind::space
                      : is_punctuation(c) ? Kind::punctuation
                                          : Kind::letter;
    ascii_[c] = {kind, static_cast<char>(options.cased ? c : u_tolower(c))};
  }
}

Words BasicTokenizer::words(std::string_view text) const {
  Writer writer(options_, text.size());
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    if (bytes[i] >= first_beyond_ascii) {
      UChar32 c = 0;
      U8_NEXT(bytes, i, text.size(), c);
      if (c >= 0 && !is_control(static_cast<char32_t>(c))) writer.beyond_ascii(static_cast<char32_t>(c));
      continue;
    }
    const Ascii& ascii = ascii_[bytes[i++]];
    switch (ascii.kind) {
      case Kind::letter:
        writer.letter(ascii.text);
        break;
      case Kind::punctuation:
        writer.punctuation(ascii.text);
        break;
      case Kind::space:
        writer.space();
        break;
      case Kind::control:
        break;
    }
  }
  return writer.finish();
}

}  // namespace canopy::datasets
