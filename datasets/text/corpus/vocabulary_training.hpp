// A vocabulary of word pieces that suits a text.
//
//   const auto files = datasets::corpus_files(inputs);
//   const auto words = datasets::count_words({files, datasets::DocumentEnd::blank_line}, {});
//   datasets::write_vocabulary("vocab.txt", datasets::train_vocabulary(words, {.size = 8192}));
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <canopy/datasets/text/corpus/word_counts.hpp>
#include <canopy/datasets/text/vocabulary.hpp>

namespace canopy::datasets {

struct VocabularyOptions {
  std::int64_t size = 32768;       ///< tokens, at most, the special ones among them
  std::int64_t characters = 1000;  ///< that get tokens of their own, the most frequent ones, at most
  std::int64_t least_count = 2;    ///< two pieces that come together less often are not joined
};

/// [PAD], [UNK], [CLS], [SEP], [MASK]; the characters of the words, and with "##" in front those that stand inside of
/// words, each in the order of their code points; then the pieces that come of joining, again and again, the two that
/// stand together most often (byte pair encoding: Sennrich et al. 2016, https://arxiv.org/abs/1508.07909), in this
/// order, as the published trainer for WordPiece does. Of equally frequent pairs the one of earlier pieces is joined.
/// Words with a character beyond the limit, which become [UNK], take no part. Fewer tokens than `size` where no pair is
/// left that comes often enough.
///
/// The vocabulary depends on the counts alone. Throws ConfigError for a size that has no room for the special tokens
/// and the characters, and numbers below 1; DataError where there are no words.
Vocabulary train_vocabulary(const WordCounts& words, const VocabularyOptions& options = {});

/// A token a line, as read_vocabulary reads it; the file is replaced in one step. Throws Error with the path and the
/// system's reason.
void write_vocabulary(const std::filesystem::path& path, const Vocabulary& vocabulary);

}  // namespace canopy::datasets
