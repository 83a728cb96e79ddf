#include <canopy/nn/transformers/sequence_layer.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {

Sequences sequences_of(const Shape& shape) {
  if (shape.rank() < 2) {
    throw ShapeError(fmt::format("sequences: {} where [..., tokens, width] is needed", shape.to_string()));
  }
  return Sequences::equal(shape.without(-1).without(-1).size(), shape[-2]);
}

Variable SequenceLayer::forward(const Variable& x) const { return forward(x, sequences_of(x.shape())); }

}  // namespace canopy::nn
