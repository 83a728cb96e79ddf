#include <canopy/datasets/text/corpus/piece_joiner.hpp>

#include <utility>

namespace canopy::datasets {
namespace {

/// Calls `visit(first, second)` for each two neighbours.
template <class Visit>
void for_each_pair(std::span<const std::int32_t> pieces, const Visit& visit) {
  for (std::size_t i = 1; i < pieces.size(); ++i) visit(pieces[i - 1], pieces[i]);
}

/// How many pieces are left.
std::size_t join_in(std::span<std::int32_t> pieces, const PieceJoiner::Pair& pair, std::int32_t joined) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool here = i + 1 < pieces.size() && pieces[i] == pair.first && pieces[i + 1] == pair.second;
    pieces[kept++] = here ? joined : pieces[i];
    i += here ? 1 : 0;
  }
  return kept;
}

void note(std::uint32_t word, std::vector<std::uint32_t>& words) {
  if (words.empty() || words.back() != word) words.push_back(word);
}

}  // namespace

void PieceJoiner::add(std::span<const std::int32_t> pieces, std::int64_t count) {
  const auto word = static_cast<std::uint32_t>(words_.size());
  words_.push_back({pieces_.size(), pieces.size(), count});
  pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  for_each_pair(pieces, [&](std::int32_t first, std::int32_t second) {
    Occurrences& occurrences = pairs_[key(first, second)];
    occurrences.count += count;
    note(word, occurrences.words);
  });
}

void PieceJoiner::start(std::int64_t least_count) {
  least_count_ = least_count;
  for (const auto& [pair, occurrences] : pairs_) {
    if (occurrences.count >= least_count) candidates_.push({occurrences.count, pair});
  }
}

std::optional<PieceJoiner::Pair> PieceJoiner::most_frequent() {
  while (!candidates_.empty()) {
    const Candidate top = candidates_.top();
    const auto found = pairs_.find(top.pair);
    const std::int64_t count = found == pairs_.end() ? 0 : found->second.count;
    if (count == top.count) {
      return Pair{static_cast<std::int32_t>(top.pair >> 32), static_cast<std::int32_t>(top.pair & 0xffffffff)};
    }
    candidates_.pop();
    // A count that grew has an entry of its own.
    if (count < top.count && count >= least_count_) candidates_.push({count, top.pair});
  }
  return std::nullopt;
}

void PieceJoiner::join(const Pair& pair, std::int32_t joined) {
  const auto found = pairs_.find(key(pair.first, pair.second));
  if (found == pairs_.end()) return;
  const std::vector<std::uint32_t> words = std::move(found->second.words);
  std::unordered_map<Key, std::int64_t> changes;
  for (const std::uint32_t index : words) {
    Word& word = words_[index];
    const std::span<std::int32_t> pieces = pieces_of(word);
    for_each_pair(pieces, [&](std::int32_t first, std::int32_t second) { changes[key(first, second)] -= word.count; });
    word.size = join_in(pieces, pair, joined);
    for_each_pair(pieces_of(word), [&](std::int32_t first, std::int32_t second) {
      changes[key(first, second)] += word.count;
      if (first == joined || second == joined) note(index, pairs_[key(first, second)].words);
    });
  }
  for (const auto& [changed, change] : changes) {
    if (change == 0) continue;
    Occurrences& occurrences = pairs_.at(changed);
    occurrences.count += change;
    if (change > 0 && occurrences.count >= least_count_) candidates_.push({occurrences.count, changed});
    if (occurrences.count == 0) pairs_.erase(changed);
  }
}

}  // namespace canopy::datasets
