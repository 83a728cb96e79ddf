// Moving rows and blocks of row-major arrays: gather, scatter-add, strided copies, transposition. Outputs may not
// overlap inputs.
#pragma once

#include <cstdint>

namespace canopy::kernels {

/// Throws ShapeError naming `operation`, the position, the index and `extent`, unless all n indices lie in [0, extent).
void check_indices(const std::int32_t* indices, std::int64_t n, std::int64_t extent, const char* operation);

/// out[i, :] = table[indices[i], :] for i < n; rows of `width` floats. The indices must have been checked.
void gather_rows(const float* table, std::int64_t width, const std::int32_t* indices, std::int64_t n, float* out);

/// An index that names no row.
inline constexpr std::int32_t no_row = -1;

/// table[indices[i], :] += in[i, :] for i < n but where indices[i] is no_row; `table` is [rows, width]. Every element
/// of the table has one owner, which adds to it in the order of i: the same bits for any number of threads. The indices
/// must have been checked.
void scatter_add_rows(const float* in, std::int64_t width, const std::int32_t* indices, std::int64_t n, float* table,
                      std::int64_t rows);

/// out[i * out_stride + j] = in[i * in_stride + j] for i < count, j < length: the columns of a matrix, a part of an
/// axis.
void copy_blocks(const float* in, std::int64_t in_stride, float* out, std::int64_t out_stride, std::int64_t count,
                 std::int64_t length);

/// out[j, i] = in[i, j]; `in` is [rows, columns].
void transpose(const float* in, std::int64_t rows, std::int64_t columns, float* out);

}  // namespace canopy::kernels
