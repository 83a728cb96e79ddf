#include <canopy/datasets/text/corpus/vocabulary_training.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/text/corpus/piece_joiner.hpp>
#include <canopy/datasets/text/special_tokens.hpp>
#include <canopy/datasets/text/word_pieces.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unicode/utf8.h>

namespace canopy::datasets {
namespace {

void require_positive(const char* option, std::int64_t value) {
  if (value < 1) throw ConfigError(fmt::format("vocabulary: expected {} of at least 1, found {}", option, value));
}

template <class Visit>
void for_each_character(std::string_view word, const Visit& visit) {
  for (std::size_t begin = 0, end = 0; begin < word.size(); begin = end) {
    U8_FWD_1(word, end, word.size());
    visit(word.substr(begin, end - begin));
  }
}

/// How often each character comes, in the order of code points (which is that of the bytes).
using CharacterCounts = std::map<std::string_view, std::int64_t>;

CharacterCounts count_characters(const WordCounts& words) {
  CharacterCounts counts;
  for (const auto& [word, count] : words) {
    const std::int64_t times = count;
    for_each_character(word, [&](std::string_view character) { counts[character] += times; });
  }
  return counts;
}

void keep_most_frequent(CharacterCounts& characters, std::int64_t limit) {
  if (std::ssize(characters) <= limit) return;
  std::vector<std::pair<std::string_view, std::int64_t>> all(characters.begin(), characters.end());
  std::ranges::stable_sort(all, std::greater{}, [](const auto& character) { return character.second; });
  for (auto dropped = all.begin() + limit; dropped != all.end(); ++dropped) characters.erase(dropped->first);
}

/// The characters that a word is cut into at first: "w", "##o", "##r", "##d"; nothing if one of them is unknown.
std::vector<std::string> cut(std::string_view word, const CharacterCounts& characters) {
  std::vector<std::string> pieces;
  bool is_known = true;
  for_each_character(word, [&](std::string_view character) {
    is_known = is_known && characters.contains(character);
    pieces.push_back(pieces.empty() ? std::string(character) : std::string(WordPieces::continued).append(character));
  });
  if (!is_known) pieces.clear();
  return pieces;
}

/// The tokens so far.
class Tokens {
 public:
  Tokens() {
    for (const std::string_view name : special_token_names) add(std::string(name));
  }
  std::int64_t size() const { return std::ssize(tokens_); }
  const std::string& operator[](std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  /// The id of a token, which is added unless it is there.
  std::int32_t add(const std::string& token) {
    const auto [place, added] = ids_.emplace(token, static_cast<std::int32_t>(tokens_.size()));
    if (added) tokens_.push_back(token);
    return place->second;
  }
  std::vector<std::string> take() && { return std::move(tokens_); }

 private:
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, std::int32_t> ids_;
};

/// The words cut into characters, which become tokens.
PieceJoiner cut_words(const WordCounts& words, const VocabularyOptions& options, Tokens& tokens) {
  CharacterCounts characters = count_characters(words);
  if (characters.empty()) throw DataError("vocabulary: expected text with words in it, found none");
  keep_most_frequent(characters, options.characters);
  for (const auto& [character, count] : characters) tokens.add(std::string(character));
  std::set<std::string> continued;
  for (const auto& [word, count] : words) {
    const std::vector<std::string> pieces = cut(word, characters);
    continued.insert(pieces.begin() + (pieces.empty() ? 0 : 1), pieces.end());
  }
  for (const std::string& character : continued) tokens.add(character);
  if (tokens.size() > options.size) {
    throw ConfigError(
        fmt::format("vocabulary: expected a size of at least {}, for {} special tokens and those of {} characters, "
                    "found {}; fewer characters need less",
                    tokens.size(), special_token_names.size(), characters.size(), options.size));
  }
  PieceJoiner joiner;
  for (const auto& [word, count] : words) {
    std::vector<std::int32_t> ids;
    for (const std::string& piece : cut(word, characters)) ids.push_back(tokens.add(piece));
    joiner.add(ids, count);
  }
  return joiner;
}

}  // namespace

Vocabulary train_vocabulary(const WordCounts& words, const VocabularyOptions& options) {
  require_positive("a size", options.size);
  require_positive("a number of characters", options.characters);
  require_positive("a least count", options.least_count);
  Tokens tokens;
  PieceJoiner joiner = cut_words(words, options, tokens);
  joiner.start(options.least_count);
  while (tokens.size() < options.size) {
    const std::optional<PieceJoiner::Pair> pair = joiner.most_frequent();
    if (!pair) break;
    // The second piece is never the beginning of a word.
    const std::string joined = tokens[pair->first] + tokens[pair->second].substr(WordPieces::continued.size());
    joiner.join(*pair, tokens.add(joined));
  }
  return Vocabulary(std::move(tokens).take(), "trained vocabulary");
}

void write_vocabulary(const std::filesystem::path& path, const Vocabulary& vocabulary) {
  write_file(path, fmt::format("{}\n", fmt::join(vocabulary.tokens(), "\n")));
}

}  // namespace canopy::datasets
