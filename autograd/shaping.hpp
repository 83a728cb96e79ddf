// Operations that move elements without computing: reshape, concatenate, slice, transpose.
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

}  // namespace canopy
