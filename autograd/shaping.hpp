// Operations that move elements without computing: reshape, concatenate, slice, transpose, rows by index.
#pragma once

#include <cstdint>
#include <vector>

#include <canopy/autograd/variable.hpp>

namespace canopy {

/// The same elements in row-major order with another shape; shares the buffer of x. Throws ShapeError if the number of
/// elements differs.
Variable reshape(const Variable& x, const Shape& shape);

/// The parts one after the other along an axis (negative axes count from the end); all other extents must agree. Throws
/// ShapeError if they do not, or if there is no part.
Variable concatenate(const std::vector<Variable>& parts, int axis);

/// The elements begin <= i < end of an axis (negative axes count from the end). Throws ShapeError unless
/// 0 <= begin <= end <= extent.
Variable slice(const Variable& x, int axis, std::int64_t begin, std::int64_t end);

/// [m, n] to [n, m]. Throws ShapeError for any other rank.
Variable transpose(const Variable& x);

/// Rows by index, as an embedding looks them up: x [rows, ...] and indices [n, ...] give [n, ..., ...] with
/// result[i] = x[indices[i]]. A row that is named often gets the sum of its gradients;
/// the gradient of x is row-sparse. Throws ShapeError for an index
/// outside of [0, rows), naming position and index.
Variable rows(const Variable& x, const Indices& indices);

}  // namespace canopy
