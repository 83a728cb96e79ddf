// Files that may be compressed.
#pragma once

#include <filesystem>
#include <string>

namespace canopy::datasets {

/// The content of a file, decompressed if it is a gzip file (by its first bytes, and required where the name ends in
/// .gz). Throws DataError with the file, the offset in the compressed file and what is wrong: missing, truncated,
/// corrupt, or followed by something else.
std::string read_plain_or_gzip(const std::filesystem::path& path);

}  // namespace canopy::datasets
