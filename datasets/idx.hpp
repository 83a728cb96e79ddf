// The IDX format of MNIST and its relatives: a magic number, the extents, then the elements, all big-endian.
// http://yann.lecun.com/exdb/mnist
#pragma once

#include <filesystem>

#include <canopy/core/array.hpp>

namespace canopy::datasets {

/// Reads an IDX file of unsigned bytes, plain or gzipped, with the given number of axes. Throws DataError with the
/// file, the offset (in the decompressed content), what was expected and what was found: a wrong magic number, too few
/// bytes or too many.
Bytes read_idx(const std::filesystem::path& path, int rank);

/// The extents that such a file's header tells, without its elements. Throws the same for what is wrong with the
/// header.
Shape read_idx_shape(const std::filesystem::path& path, int rank);

/// [images, rows, columns]
inline Bytes read_idx_images(const std::filesystem::path& path) { return read_idx(path, 3); }
/// [labels]
inline Bytes read_idx_labels(const std::filesystem::path& path) { return read_idx(path, 1); }

/// Where the elements begin in the content of a file: 8 for labels, 16 for images.
constexpr std::int64_t idx_header_bytes(int rank) { return 4 + 4 * rank; }

}  // namespace canopy::datasets
