#include <canopy/nn/transformers/tokens.hpp>

#include <canopy/core/error.hpp>

#include <fmt/format.h>

namespace canopy::nn {
namespace {

Indices positions_in(const Sequences& sequences) {
  Indices positions({sequences.rows()});
  std::int32_t* out = positions.mutable_data();
  for (std::int64_t s = 0; s < sequences.count(); ++s) {
    for (std::int64_t i = 0; i < sequences.tokens(s); ++i) *out++ = static_cast<std::int32_t>(i);
  }
  return positions;
}

void require_same_shape(const char* what, const Indices& found, const Indices& ids) {
  if (found.shape() == ids.shape()) return;
  throw ShapeError(fmt::format("Tokens: the {} have the shape {}, the ids {}", what, found.shape().to_string(),
                               ids.shape().to_string()));
}

Indices rows_of(const Indices& values, const Indices& rows) {
  Indices result({rows.size()});
  std::int32_t* out = result.mutable_data();
  for (const std::int32_t row : rows.elements()) *out++ = values.data()[row];
  return result;
}

// Arrays that were not given have no elements, and are all `fill`.
Indices or_filled(const char* what, const Indices& given, const Indices& ids, std::int32_t fill) {
  if (given.shape() == Shape{0} && ids.shape() != Shape{0}) return Indices(ids.shape(), fill);
  require_same_shape(what, given, ids);
  return given;
}

}  // namespace

Tokens Tokens::padded(const Indices& ids, const Indices& mask, const Indices& types) {
  if (ids.rank() != 2) {
    throw ShapeError(fmt::format("Tokens: ids {} where [batch, tokens] is needed", ids.shape().to_string()));
  }
  const Shape rows{ids.size()};
  const Sequences sequences = Sequences::masked(or_filled("mask", mask, ids, 1));
  return {ids.reshape(rows), or_filled("types", types, ids, 0).reshape(rows), positions_in(sequences), sequences};
}

Tokens Tokens::packed(const Indices& ids, const Sequences& sequences, const Indices& types) {
  if (ids.shape() != Shape{sequences.rows()}) {
    throw ShapeError(fmt::format("Tokens: ids {} for sequences of {} rows", ids.shape().to_string(), sequences.rows()));
  }
  return {ids, or_filled("types", types, ids, 0), positions_in(sequences), sequences};
}

Tokens Tokens::without_padding() const {
  if (sequences.all_valid()) return *this;
  const Indices rows = sequences.valid_rows();
  return {rows_of(ids, rows), rows_of(types, rows), rows_of(positions, rows), sequences.without_padding()};
}

}  // namespace canopy::nn
