#include <canopy/datasets/text/word_pieces.hpp>

#include <algorithm>
#include <utility>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::datasets {
namespace {

constexpr std::size_t longest_word = 100;
constexpr unsigned node_bits = 24;
constexpr std::uint64_t node_mask = (std::uint64_t{1} << node_bits) - 1;

std::uint64_t edge_of(std::uint32_t parent, char byte) {
  return std::uint64_t{parent} << 8 | static_cast<unsigned char>(byte);
}

}  // namespace

bool WordPieces::can_cut(std::string_view word) {
  if (word.size() <= longest_word) return true;
  const auto begins = std::ranges::count_if(word, [](char byte) { return (byte & 0xc0) != 0x80; });
  return static_cast<std::size_t>(begins) <= longest_word;
}

WordPieces::WordPieces(const Vocabulary& vocabulary, std::int32_t unknown)
    : slots_(1 << 10), ids_{-1}, unknown_(unknown) {
  for (const char byte : continued) continued_ = add_child(continued_, byte);
  for (std::int32_t id = 0; id < vocabulary.size(); ++id) {
    Node node = 0;
    for (const char byte : vocabulary.token(id)) node = add_child(node, byte);
    ids_[node] = id;
  }
}

/// Where an edge stands, or would.
std::size_t WordPieces::slot_of(std::uint64_t edge) const {
  const std::size_t mask = slots_.size() - 1;
  // Multiplying by 2^64 over the golden ratio spreads neighbours; the upper half is the mixed one.
  std::size_t slot = (edge * 0x9e3779b97f4a7c15u >> 32) & mask;
  while (slots_[slot] != 0 && slots_[slot] >> node_bits != edge) slot = (slot + 1) & mask;
  return slot;
}

/// 0, the root, where there is none.
WordPieces::Node WordPieces::child(Node node, char byte) const {
  return static_cast<Node>(slots_[slot_of(edge_of(node, byte))] & node_mask);
}

WordPieces::Node WordPieces::add_child(Node node, char byte) {
  if (const Node found = child(node, byte)) return found;
  const std::size_t added = ids_.size();
  if (added > node_mask) throw DataError(fmt::format("vocabulary: expected at most {} bytes of tokens", node_mask));
  if (added * 2 > slots_.size()) grow();
  slots_[slot_of(edge_of(node, byte))] = edge_of(node, byte) << node_bits | added;
  ids_.push_back(-1);
  return static_cast<Node>(added);
}

void WordPieces::grow() {
  const std::vector<std::uint64_t> before = std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2));
  for (const std::uint64_t slot : before) {
    if (slot != 0) slots_[slot_of(slot >> node_bits)] = slot;
  }
}

void WordPieces::append(std::string_view word, std::vector<std::int32_t>& ids) const {
  const std::size_t before = ids.size();
  bool can_be_cut = can_cut(word);
  Node root = 0;
  for (std::size_t begin = 0; can_be_cut && begin < word.size();) {
    std::int32_t longest = -1;
    Node node = root;
    for (std::size_t i = begin; i < word.size(); ++i) {
      node = child(node, word[i]);
      if (node == 0) break;
      if (ids_[node] < 0) continue;
      longest = ids_[node];
      begin = i + 1;
    }
    can_be_cut = longest >= 0;
    ids.push_back(longest);
    root = continued_;
  }
  if (can_be_cut) return;
  ids.resize(before);
  ids.push_back(unknown_);
}

}  // namespace canopy::datasets
