// NumPy's files of one array. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <filesystem>

#include <canopy/core/array.hpp>

namespace canopy::datasets {

// All throw DataError with the file, the offset or element, what was expected and what was found. Versions 1 to 3,
// numbers of 1 to 8 bytes in either order of bytes, C or Fortran order.

/// Any numbers, as the nearest floats. Refuses those beyond a float's range.
Tensor read_npy(const std::filesystem::path& path);
/// Integers or booleans. Refuses those that 32 bits do not hold.
Indices read_npy_indices(const std::filesystem::path& path);

/// Writes version 1.0, C order; the file is replaced in one step. Throws Error if it cannot be written.
void write_npy(const std::filesystem::path& path, const Tensor& array);
void write_npy(const std::filesystem::path& path, const Indices& array);

}  // namespace canopy::datasets
