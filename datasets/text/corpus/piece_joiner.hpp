// Byte pair encoding: which pieces of words stand together most often, kept up to date as they are joined.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <span>
#include <unordered_map>
#include <vector>

namespace canopy::datasets {

/// Words as sequences of pieces, which are numbers. Joining a pair costs what its words cost: their pairs are counted
/// anew, and an index says which words these are. The most frequent pair stands on top of a heap, whose entries are
/// corrected when they come up.
class PieceJoiner {
 public:
  struct Pair {
    std::int32_t first, second;
  };

  /// A word that comes `count` times.
  void add(std::span<const std::int32_t> pieces, std::int64_t count);
  /// Pairs that come less often are not joined. Call it after the last word.
  void start(std::int64_t least_count);
  /// The pair that comes most often in all words, of several the one with the smaller numbers; none where none is left.
  std::optional<Pair> most_frequent();
  /// Makes one piece of the pair wherever it stands, from the left; its number is new, or that of an equal piece.
  void join(const Pair& pair, std::int32_t joined);

 private:
  using Key = std::uint64_t;  // the first piece above the second
  struct Word {
    std::size_t begin;  // in pieces_
    std::size_t size;
    std::int64_t count;
  };
  struct Occurrences {
    std::int64_t count = 0;
    std::vector<std::uint32_t> words = {};  // that have the pair, or had it
  };
  struct Candidate {
    std::int64_t count;
    Key pair;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : pair > other.pair;
    }
  };

  static Key key(std::int32_t first, std::int32_t second) {
    return static_cast<Key>(static_cast<std::uint32_t>(first)) << 32 | static_cast<std::uint32_t>(second);
  }
  std::span<std::int32_t> pieces_of(const Word& word) { return std::span(pieces_).subspan(word.begin, word.size); }

  std::vector<std::int32_t> pieces_;  // of all words
  std::vector<Word> words_;
  std::unordered_map<Key, Occurrences> pairs_;
  std::priority_queue<Candidate> candidates_;
  std::int64_t least_count_ = 1;
};

}  // namespace canopy::datasets
