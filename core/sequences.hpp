// How the rows of a batch divide into sequences of tokens.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <canopy/core/array.hpp>

namespace canopy {

/// Which rows of a matrix [rows, ...] are the tokens of which sequence, and which of them attention may look at. Two
/// layouts occur. Padded: [sequences, tokens], where the rows that only fill a sequence up are no keys but are computed
/// like all others. Packed: the valid rows of all sequences one after another, so that nothing is computed for padding.
class Sequences {
 public:
  /// `count` sequences of `tokens` valid rows each. Throws ShapeError for a negative number.
  static Sequences equal(std::int64_t count, std::int64_t tokens);
  /// Packed: sequences of these lengths one after another. Throws ShapeError for a negative one.
  static Sequences packed(std::span<const std::int64_t> lengths);
  /// Padded to `tokens`: the first lengths[i] rows of sequence i are keys. Throws ShapeError for a length outside [0,
  /// tokens].
  static Sequences padded(std::span<const std::int64_t> lengths, std::int64_t tokens);
  /// Padded: of mask [sequences, tokens] the rows that are not 0 are keys. Throws ShapeError unless it is a matrix.
  static Sequences masked(const Indices& mask);

  std::int64_t count() const { return static_cast<std::int64_t>(begins_.size()) - 1; }
  /// Of all sequences.
  std::int64_t rows() const { return begins_.back(); }
  std::int64_t begin(std::int64_t sequence) const { return begins_[static_cast<std::size_t>(sequence)]; }
  std::int64_t end(std::int64_t sequence) const { return begin(sequence + 1); }
  std::int64_t tokens(std::int64_t sequence) const { return end(sequence) - begin(sequence); }
  std::int64_t longest() const;

  /// Whether every row is a key.
  bool all_valid() const { return keys_.empty(); }
  /// The rows that are keys, ascending, of all sequences: 0, 1, ... where all are.
  Indices valid_rows() const;
  /// Those of one sequence, counted from its first row; empty where all are (see all_valid()).
  std::span<const std::int32_t> keys(std::int64_t sequence) const;
  /// The valid rows alone, packed. `valid_rows()` says where they stand among the rows of this.
  Sequences without_padding() const;

 private:
  explicit Sequences(std::vector<std::int64_t> begins) : begins_(std::move(begins)) {}
  template <class IsKey>
  void set_keys(const IsKey& is_key);

  std::vector<std::int64_t> begins_;             // of each sequence and, last, the number of rows
  std::vector<std::vector<std::int32_t>> keys_;  // of each sequence; none at all where all rows are keys
};

}  // namespace canopy
