// Rows of a table by index.
#pragma once

#include <cstdint>
#include <optional>

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// The rows of `table` [count, ...] that `indices` name: indices of any shape give [indices' shape, ...] with
/// result[i] = table[indices[i]]. The gradient of the table is row-sparse; a row that is named often gets the sum of
/// its gradients, the row `padding` none. Throws ShapeError for an index outside of [0, count), naming its position, if
/// the table is a scalar, or if the result has more axes than a Shape.
Variable embedding(const Variable& table, const Indices& indices, std::optional<std::int32_t> padding = {});

}  // namespace canopy
