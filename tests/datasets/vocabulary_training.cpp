#include <canopy/datasets/text/corpus/vocabulary_training.hpp>

#include <algorithm>
#include <map>
#include <random>

#include <canopy/core/error.hpp>
#include <canopy/datasets/text/bert_tokenizer.hpp>

#include <datasets/files.hpp>
#include <support/errors.hpp>
#include <support/temporary_folder.hpp>

#include <fmt/format.h>

using namespace canopy;
using namespace canopy::test;
using namespace canopy::datasets;

BOOST_AUTO_TEST_SUITE(vocabulary_training)

namespace {

using Texts = std::vector<std::string>;

const Texts special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

Texts operator+(Texts a, const Texts& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void check(const Vocabulary& vocabulary, const Texts& after_special) {
  BOOST_TEST(vocabulary.tokens() == special + after_special, boost::test_tools::per_element());
}

/// Every pair of every word is counted anew before each joining. Of words of ASCII letters.
Texts naive(const WordCounts& words, std::int64_t size, std::int64_t least_count) {
  Texts tokens = special;
  std::map<std::string, std::int64_t> letters, continued;
  std::vector<std::pair<Texts, std::int64_t>> cut;
  for (const auto& [word, count] : words) {
    Texts pieces;
    for (const char letter : word) {
      ++letters[std::string(1, letter)];
      pieces.push_back((pieces.empty() ? "" : "##") + std::string(1, letter));
      if (pieces.size() > 1) ++continued[pieces.back()];
    }
    cut.emplace_back(pieces, count);
  }
  for (const auto& [letter, count] : letters) tokens.push_back(letter);
  for (const auto& [letter, count] : continued) tokens.push_back(letter);
  const auto id = [&](const std::string& token) { return std::ranges::find(tokens, token) - tokens.begin(); };
  while (std::ssize(tokens) < size) {
    std::map<std::pair<std::ptrdiff_t, std::ptrdiff_t>, std::int64_t> pairs;
    for (const auto& [pieces, count] : cut) {
      for (std::size_t i = 1; i < pieces.size(); ++i) pairs[{id(pieces[i - 1]), id(pieces[i])}] += count;
    }
    const auto best = std::ranges::max_element(pairs, {}, [](const auto& pair) { return pair.second; });
    if (best == pairs.end() || best->second < least_count) break;
    const std::string first = tokens[static_cast<std::size_t>(best->first.first)],
                      second = tokens[static_cast<std::size_t>(best->first.second)], joined = first + second.substr(2);
    for (auto& [pieces, count] : cut) {
      for (std::size_t i = 1; i < pieces.size(); ++i) {
        if (pieces[i - 1] != first || pieces[i] != second) continue;
        pieces[i - 1] = joined;
        pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    if (id(joined) == std::ssize(tokens)) tokens.push_back(joined);
  }
  return tokens;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_most_frequent_pieces_are_joined_first) {
  const WordCounts words = {{"low", 5}, {"lower", 2}, {"newest", 6}, {"widest", 3}};
  const Texts letters = {"d", "e", "i", "l", "n", "o", "r", "s", "t", "w"};
  const Texts inner = {"##d", "##e", "##i", "##o", "##r", "##s", "##t", "##w"};
  // "es" 9, then "est" 9; "lo" 7, "low" 7; of "ne", "ew", "w est" with 6 each the one of earlier pieces.
  check(train_vocabulary(words, {.size = 28}), letters + inner + Texts{"##es", "##est", "lo", "low", "ne"});
  check(train_vocabulary(words, {.size = 23}), letters + inner);
}

BOOST_AUTO_TEST_CASE(joining_agrees_with_counting_anew) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    WordCounts words;
    const unsigned letters = 1 + below(4);
    for (unsigned i = 0; i < 60; ++i) {
      std::string word;
      for (unsigned j = 1 + below(9); j > 0; --j) word += static_cast<char>('a' + below(letters));
      words[word] += 1 + below(3);
    }
    const std::int64_t least_count = 1 + below(3);
    for (const std::int64_t size : {20, 60, 1000}) {
      const Vocabulary found = train_vocabulary(words, {.size = size, .least_count = least_count});
      BOOST_TEST(found.tokens() == naive(words, size, least_count), boost::test_tools::per_element());
    }
  }
}

// Of the words as of the file: no word is unknown.
BOOST_AUTO_TEST_CASE(every_character_within_the_limit_is_covered) {
  const WordCounts words = {{"a\xc3\xa9", 3}, {"\xe4\xb8\x80", 2}, {"\xd0\xb6\xd0\xb6", 1}, {"zq", 1}};
  const Vocabulary all = train_vocabulary(words, {.size = 100, .least_count = 9});
  check(all, {"a", "q", "z", "\xc3\xa9", "\xd0\xb6", "\xe4\xb8\x80", "##q", "##\xc3\xa9", "##\xd0\xb6"});
  const BertTokenizer tokenizer(all, {.strip_accents = false});
  for (const auto& [word, count] : words) {
    std::vector<std::int32_t> ids;
    tokenizer.append(word, ids);
    BOOST_TEST(std::ranges::count(ids, tokenizer.special().unknown) == 0);
  }
  // The most frequent: a and e 3 times, the others of lower code points first.
  check(train_vocabulary(words, {.size = 100, .characters = 4, .least_count = 9}),
        {"a", "\xc3\xa9", "\xd0\xb6", "\xe4\xb8\x80", "##\xc3\xa9", "##\xd0\xb6"});
}

BOOST_AUTO_TEST_CASE(files_hold_what_was_trained) {
  const TemporaryFolder folder;
  const Vocabulary trained = train_vocabulary({{"low", 5}, {"lower", 2}}, {.size = 15});
  write_vocabulary(folder / "vocab.txt", trained);
  BOOST_TEST(read_vocabulary(folder / "vocab.txt").tokens() == trained.tokens(), boost::test_tools::per_element());
  BOOST_CHECK_EXCEPTION(write_vocabulary(folder / "no/vocab.txt", trained), Error, speaks_of("no/vocab.txt"));
}

BOOST_AUTO_TEST_CASE(misuse_is_named) {
  const WordCounts words = {{"ab", 1}};
  const auto refused = [&](const VocabularyOptions& options, const std::string& found) {
    BOOST_CHECK_EXCEPTION(train_vocabulary(words, options), ConfigError, speaks_of("vocabulary", "at least", found));
  };
  refused({.size = 0}, "found 0");
  refused({.characters = 0}, "found 0");
  refused({.least_count = -1}, "found -1");
  refused({.size = 7}, "at least 8, for 5 special tokens and those of 2 characters, found 7");
  BOOST_TEST(train_vocabulary(words, {.size = 8}).size() == 8);
  BOOST_CHECK_EXCEPTION(train_vocabulary({}), DataError, speaks_of("words", "found none"));
}

BOOST_AUTO_TEST_SUITE_END()
