#include <canopy/datasets/text/corpus/word_counts.hpp>

#include <mutex>
#include <span>

#include <canopy/core/threads.hpp>
#include <canopy/datasets/text/basic_tokenizer.hpp>
#include <canopy/datasets/text/word_pieces.hpp>

namespace canopy::datasets {
namespace {

constexpr std::size_t batch_bytes = 16 << 20;

void add(std::string_view word, std::int64_t count, WordCounts& counts) {
  const auto found = counts.find(word);
  if (found != counts.end()) {
    found->second += count;
  } else {
    counts.emplace(word, count);
  }
}

void count(const TextPiece& piece, const BasicTokenizer& tokenizer, WordCounts& counts) {
  const Words words = tokenizer.words(piece.text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (WordPieces::can_cut(words[i])) add(words[i], 1, counts);
  }
}

}  // namespace

WordCounts count_words(CorpusReader corpus, const TokenizerOptions& options, const OnText& on_text) {
  const BasicTokenizer tokenizer(options);
  WordCounts counts;
  std::mutex mutex;
  for (;;) {
    const std::vector<TextPiece> pieces = corpus.next(batch_bytes);
    if (pieces.empty()) return counts;
    const auto size = std::ssize(pieces);
    // Some for each thread: the sums are the same in any order.
    parallel_for(size, (size + threads() - 1) / threads(), [&](std::int64_t begin, std::int64_t end) {
      WordCounts part;
      for (std::int64_t i = begin; i < end; ++i) count(pieces[static_cast<std::size_t>(i)], tokenizer, part);
      const std::lock_guard lock(mutex);
      for (const auto& [word, times] : part) add(word, times, counts);
    });
    if (on_text) on_text(corpus.bytes());
  }
}

}  // namespace canopy::datasets
