// What a model of text reads.
#pragma once

#include <canopy/core/array.hpp>
#include <canopy/core/sequences.hpp>

namespace canopy::nn {

/// Sequences of token ids: one row a token.
struct Tokens {
  Indices ids = {};                              ///< [rows]
  Indices types = {};                            ///< [rows]: 0 for the first text of a pair, 1 for the second
  Indices positions = {};                        ///< [rows]: 0, 1, ... in each sequence
  Sequences sequences = Sequences::equal(0, 0);  ///< of these rows

  /// ids [batch, tokens], with padding where `mask` is 0 and types 0 where they are not given, both of the same shape.
  /// Padded rows are computed like all others but nothing attends to them. Throws ShapeError.
  static Tokens padded(const Indices& ids, const Indices& mask = {}, const Indices& types = {});
  /// One after another: ids that belong to sequences of one length after another, without padding. Throws ShapeError.
  static Tokens packed(const Indices& ids, const Sequences& sequences, const Indices& types = {});
  /// The valid rows alone: what is not there costs nothing.
  Tokens without_padding() const;
};

}  // namespace canopy::nn
