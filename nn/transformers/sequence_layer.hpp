// Layers whose rows are the tokens of sequences.
#pragma once

#include <canopy/core/sequences.hpp>
#include <canopy/nn/module.hpp>

namespace canopy::nn {

/// A layer that lets the tokens of a sequence see each other, or is made of such layers.
class SequenceLayer : public Layer {
 public:
  using Layer::operator();
  /// x [..., tokens, width]: sequences of equal length, all rows valid. Throws ShapeError for fewer than two axes.
  Variable forward(const Variable& x) const final;
  /// x [..., width] with as many rows as `sequences` has. Throws ShapeError.
  virtual Variable forward(const Variable& x, const Sequences& sequences) const = 0;
  Variable operator()(const Variable& x, const Sequences& sequences) const { return forward(x, sequences); }
};

/// The sequences of an array [..., tokens, width]. Throws ShapeError for fewer than two axes.
Sequences sequences_of(const Shape& shape);

}  // namespace canopy::nn
