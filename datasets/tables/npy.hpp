// NumPy's files of one array. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <canopy/core/array.hpp>

namespace canopy::datasets {

/// What the header of a `.npy` file says: versions 1 to 3, numbers of 1 to 8 bytes in either order of bytes, C or
/// Fortran order. The header is not believed before it fits the size of the file.
struct NpyHeader {
  char kind = 'f';  ///< 'f' for floats, 'i' and 'u' for integers, 'b' for booleans
  int bytes = 4;    ///< of an element
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape = {};
  std::int64_t offset = 0;  ///< where the elements begin

  bool integers() const { return kind != 'f'; }
  /// As NumPy writes it, such as "float32".
  std::string type() const;
};

// All throw DataError with the file, the offset or element, what was expected and what was found.

NpyHeader read_npy_header(const std::filesystem::path& path);
/// Any numbers, as the nearest floats. Refuses those beyond a float's range.
Tensor read_npy(const std::filesystem::path& path);
/// Integers or booleans. Refuses those that 32 bits do not hold.
Indices read_npy_indices(const std::filesystem::path& path);

/// Writes version 1.0, C order; the file is replaced in one step. Throws Error if it cannot be written.
void write_npy(const std::filesystem::path& path, const Tensor& array);
void write_npy(const std::filesystem::path& path, const Indices& array);

}  // namespace canopy::datasets
